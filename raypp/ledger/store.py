"""The ledger: one database that holds all that is durable of sites, streams, frames and episodes."""

from collections.abc import Iterator, Sequence
from itertools import chain
from types import TracebackType
from typing import Self

from sqlalchemy import literal_column

from raypp.io.clock import now_us
from raypp.ledger import overlap, sites, streams
from raypp.ledger import queries as reading
from raypp.ledger.chunks import read_frames
from raypp.ledger.database import Database
from raypp.ledger.open_streams import Opening
from raypp.ledger.reach import reaches_into, reaching_into
from raypp.ledger.safety import (
    exposure_columns,
    has_safety,
    read_exposures,
    read_violations,
    unended,
    violation_columns,
)
from raypp.ledger.schema import bring_up
from raypp.ledger.statements import write_audit
from raypp.ledger.tables import CLOSED, DAY_US, OPEN, EpisodeRow, ExposureRow, StreamRow, StretchRow, ViolationRow
from raypp.ledger.types import (
    COMMAND_LINE,
    Clock,
    Commit,
    Site,
    StreamAbout,
    StreamPosition,
    StreamStatus,
)
from raypp.usage.episode import Episode, StreamName, Stretch
from raypp.usage.episodes import Episodes
from raypp.usage.exposures import Exposures
from raypp.usage.observation import SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.usage.violation import Exposure, Violation
from raypp.usage.violations import Violations


class Ledger:
    """An open ledger; safe to use from several threads, and beside other processes that have it open.

    Every method is one transaction. All raise LedgerUnavailableError where the database cannot be reached just now: try
    again later. Only after `commit` has raised it is it unknown whether the chunk is durable: `open_stream` again, and
    see whether `committed` has reached it.
    """

    def __init__(self, database: Database, clock: Clock = now_us) -> None:
        self.database = database
        self.clock = clock

    @classmethod
    def open(cls, url: str, *, create: bool = True, upgrade: bool = False, clock: Clock = now_us) -> Self:
        """Open a ledger, and bring its schema up to date.

        Args:
            url: `sqlite:///PATH` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`.
            create: whether to make it or bring it up to date; else one that is not there, or older, is an error.
            upgrade: whether to bring up to date one that is there.
            clock: gives processing time.

        Raises:
            LedgerError: naming the ledger (never its password) and what is wrong with it.
        """
        database = Database.open(url, create=create)
        try:
            bring_up(database, clock(), create=create, upgrade=upgrade)
        except BaseException:
            database.close()
            raise
        return cls(database, clock)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open_stream(self, stream: StreamName, about: StreamAbout, opening: Opening | None = None) -> StreamPosition:
        """Take hold of a stream for one connection; whoever held it before can commit no more.

        A new stream begins at 0. With its first chunk, a higher epoch than any of the camera's takes over for good: the
        open episodes of the older streams become final, by reason of replacement. One that never commits changes
        nothing. A stream that has ended is given as ended.

        Args:
            stream: its site, camera and epoch.
            about: what is known of it.
            opening: the connection, and the limits of its site; None: no limit, and nothing is counted.

        Raises:
            StreamRefusedError: for an older epoch, or one out of range, or a recording whose camera has a live stream
                that goes on.
            TooManyCamerasError, TooManyStreamsError: beyond the limits of `opening`.
            UnknownSiteError: if the site is not registered.
        """
        with self.database.write() as connection:
            return streams.open_stream(connection, stream, about, self.clock(), opening)

    def position(self, stream: StreamName) -> StreamPosition | None:
        """Where a stream stands, without taking hold of it; None where there is no such stream."""
        with self.database.read() as connection:
            return streams.position(connection, stream)

    def taken_until(self, stream: StreamName) -> int:
        """Event time from which on no other stream of this camera has committed anything; 0 without others."""
        with self.database.read() as connection:
            return overlap.taken_until(connection, stream)

    def taken(self, stream: StreamName, from_us: int, to_us: int) -> list[Stretch]:
        """Stretches of other streams of this stream's camera within [from_us, to_us), by epoch and start."""
        with self.database.read() as connection:
            return overlap.taken(connection, stream, from_us, to_us)

    def commit(self, chunk: Commit) -> None:
        """Make one chunk's effect durable: frames, episodes, stretches, fold state and position, in one transaction.

        Raises:
            StaleStreamError: if the stream was moved on, opened by another connection, or rewritten; or if with its
                first chunk it would take over from one that has committed the same time meanwhile.
            StreamRefusedError: if the stream has ended, or frame indices do not rise.
            LedgerUnavailableError: if it is unknown whether the chunk is durable; open the stream again to see.
                In all other cases nothing is written.
        """
        packed = streams.PackedCommit.of(chunk)  # before the transaction, for which others wait
        with self.database.write() as connection:
            streams.commit(connection, chunk, packed, self.clock())

    def reap(self, now_us: int) -> list[Episode]:
        """Close the open episodes of silent streams provisionally, by processing time; return them.

        The fold's state is not touched, and the next commit of such a stream opens them again, so that an outage
        changes nothing in the end.
        """
        with self.database.read() as connection:
            abandoned = streams.has_abandoned(connection, now_us)
            if not abandoned and not streams.silent_streams(connection, now_us, hold=False):
                return []
        with self.database.write() as connection:
            if abandoned:
                streams.drop_abandoned(connection, now_us)
            return streams.reap(connection, now_us)

    def add_site(self, name: str) -> bool:
        """Register a site; return whether it is new. Raises OptionError for a malformed name."""
        with self.database.write() as connection:
            return sites.add_site(connection, name, self.clock())

    def sites(self) -> list[Site]:
        """All sites, by name."""
        with self.database.read() as connection:
            return sites.list_sites(connection)

    def site_settings(self, site: str) -> tuple[str | None, int]:
        """Text and version of a site's settings; (None, 0) for the default ones. Raises UnknownSiteError."""
        with self.database.read() as connection:
            return sites.site_settings(connection, site)

    def configure(self, site: str, text: str, who: str = COMMAND_LINE, *, unchecked: bool = False) -> int:
        """Give a site settings and return their version.

        Args:
            site: the site.
            text: the settings, YAML.
            who: for the audit log.
            unchecked: whether classes may be named that no model of this ledger has, and channels that none of its
                senders has; where there is no model, or no sender, yet they may in any case.

        Raises:
            SettingsError, UnknownSiteError: if the text is not valid, or there is no such site.
        """
        with self.database.write() as connection:
            version = sites.configure(connection, site, text, unchecked=unchecked)
            write_audit(connection, self.clock(), who, "site configure", site, f"version {version}")
            return version

    def known_classes(self) -> frozenset[str]:
        """Classes of all models that streams of this ledger were opened for; empty where there was none yet."""
        with self.database.read() as connection:
            return sites.known_classes(connection)

    def weighs_evidence(self) -> bool:
        """Whether the model of the latest stream says how far its classes are to be believed; True without any."""
        with self.database.read() as connection:
            return sites.weighs_evidence(connection)

    def known_channels(self) -> frozenset[str]:
        """Channels that alerts may name: those of all senders of this ledger; empty where there was none yet."""
        with self.database.read() as connection:
            return sites.known_channels(connection)

    def frames_apart(self, site: str) -> int:
        """How many kept frames of a site were folded with other settings than it has now."""
        with self.database.read() as connection:
            return sites.frames_apart(connection, site)

    def present_settings(self, site: str) -> SiteSettings:
        """A site's settings, read; raises UnknownSiteError, or SettingsError where a newer raypp wrote them."""
        with self.database.read() as connection:
            return sites.present_settings(connection, site)

    def remember_settings(self, settings: SiteSettings) -> None:
        """Keep settings by their id. `open_stream` and `configure` do so for those of the site."""
        with self.database.write() as connection:
            sites.remember(connection, settings)

    def recall_settings(self, settings_id: str) -> SiteSettings:
        """Settings by their id, such as those of a position's state; raises LedgerError where they were never kept."""
        with self.database.read() as connection:
            return sites.recall(connection, settings_id)

    def episodes(
        self,
        site: str,
        from_us: int = 0,
        to_us: int = 0,
        tools: Sequence[str] = (),
        after: str | None = None,
        limit: int | None = 100,
    ) -> list[Episode]:
        """Episodes of a site that reach into [from_us, to_us), by start and then id; 0: no bound.

        Args:
            site: name of the site.
            from_us: event time.
            to_us: event time, exclusive.
            tools: only these; empty: all.
            after: `page_after` of the last episode of the page before.
            limit: at most so many; None: all.
        """
        with self.database.read() as connection:
            return reading.episodes_within(connection, site, from_us, to_us, tools, after, limit)

    def episode_columns(self, site: str, from_us: int = 0, to_us: int = 0, limit: int | None = None) -> Episodes:
        """Episodes as `episodes` gives them, as columns: for many of them; None: all."""
        with self.database.read() as connection:
            return reading.read_columns(connection, site, from_us, to_us, limit)

    def open_episodes(self, site: str) -> list[Episode]:
        """Episodes of a site that are open, by start and then id."""
        with self.database.read() as connection:
            return reading.read_episodes(connection, EpisodeRow.site == site, literal_column(f"episodes.{OPEN}"))

    def changed_episodes(
        self, site: str, since_us: int, after: str | None = None, limit: int | None = 1000
    ) -> list[Episode]:
        """Episodes of a site written at or after a processing time, by start and then id.

        Commits become visible a little after the time they bear: a watcher asks again for the last seconds, and passes
        on what it has not seen yet.

        Args:
            site: name of the site.
            since_us: processing time.
            after: `page_after` of the last episode of the page before.
            limit: at most so many; None: all.
        """
        changed = (EpisodeRow.site == site, EpisodeRow.changed_us >= since_us, reading.behind(after))
        with self.database.read() as connection:  # no index holds when an open one changed, since each commit does that
            parts = [
                reading.read_episodes(connection, *changed, literal_column(f"episodes.{some}"), limit=limit)
                for some in (OPEN, CLOSED)
            ]
        return sorted(chain.from_iterable(parts), key=lambda episode: (episode.start_us, episode.episode_id))[:limit]

    def stretches(self, site: str, from_us: int = 0, to_us: int = 0) -> list[Stretch]:
        """Stretches of a site that reach into [from_us, to_us), by camera, epoch and start; 0: no bound."""
        with self.database.read() as connection:
            return reading.read_stretches(connection, *reaching_into(StretchRow, site, from_us, to_us))

    def violations(self, site: str, from_us: int = 0, to_us: int = 0) -> list[Violation]:
        """Violations of a site that reach into [from_us, to_us), by start and then id; 0: no bound."""
        with self.database.read() as connection:
            if not has_safety(connection):
                return []
            return read_violations(connection, ViolationRow.site == site, reaches_into(ViolationRow, from_us, to_us))

    def exposures(self, site: str, from_us: int = 0, to_us: int = 0) -> list[Exposure]:
        """Exposure of a site that was begun in [from_us, to_us), by camera, epoch and start; 0: no bound."""
        begun = [ExposureRow.start_us >= from_us] if from_us else []
        ended = [ExposureRow.start_us < to_us] if to_us else []
        with self.database.read() as connection:
            if not has_safety(connection):
                return []
            return read_exposures(connection, ExposureRow.site == site, *begun, *ended)

    def violation_columns(self, site: str, from_us: int, to_us: int, limit: int | None = None) -> Violations:
        """Violations as `violations` gives them, but none begun a day before the range, as columns; None: all."""
        begun = ViolationRow.start_us >= from_us - DAY_US  # what an index can use
        with self.database.read() as connection:
            if not has_safety(connection):
                return Violations.of(())
            return violation_columns(connection, site, begun, reaches_into(ViolationRow, from_us, to_us), limit=limit)

    def unended_violations(self, site: str) -> Violations:
        """Violations of a site that are open, or closed provisionally, by start and then id."""
        with self.database.read() as connection:
            if not has_safety(connection):
                return Violations.of(())
            return violation_columns(connection, site, unended(site), limit=None)

    def exposure_columns(self, site: str, from_us: int, to_us: int) -> Exposures:
        """Exposure of a site that was begun in [from_us, to_us), by start, as columns."""
        with self.database.read() as connection:
            if not has_safety(connection):
                return Exposures.of(())
            return exposure_columns(connection, site, ExposureRow.start_us >= from_us, ExposureRow.start_us < to_us)

    def extent(self, site: str) -> tuple[int, int] | None:
        """Event time from the first to the last that is known of a site, end exclusive; None where nothing is."""
        with self.database.read() as connection:
            return reading.read_extent(connection, site)

    def latest(self, site: str, before_us: int) -> int | None:
        """End of the last stretch of a site that began before a moment of event time; None where there is none."""
        with self.database.read() as connection:
            return reading.read_latest(connection, site, before_us)

    def version(self, site: str) -> tuple[tuple[object, ...], ...]:
        """Facts that are others whenever a site's episodes, stretches or streams have changed."""
        with self.database.read() as connection:
            return reading.read_version(connection, site)

    def streams(self, site: str) -> list[StreamStatus]:
        """Streams of a site that have committed anything, by camera and epoch."""
        with self.database.read() as connection:
            return reading.read_streams(connection, StreamRow.site == site)

    def frames(self, stream: StreamName) -> Iterator[SeenFrame]:
        """The frames of a stream that are kept, in order; none for a stream that is not there."""
        with self.database.read() as connection:
            named = reading.stream_key(connection, stream)
        after: tuple[int, int] | None = (0, -1)
        while named is not None and after is not None:
            with self.database.read() as connection:
                frames = read_frames(connection, named, after)
            yield from (frame for _, frame in frames)
            after = (frames[-1][0], frames[-1][1].frame_index) if frames else None
