"""Retention of a whole ledger: all before the week in which a time lies is forgotten, of all sites.

In PostgreSQL whole partitions of chunks are dropped. Before, each stream is cut at the edge: what was found in its
frames goes, a chunk that reaches over the edge is cut, and what lies in no such partition is deleted. Cut streams and
partitions that are still there agree, so a command that was killed is run again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, exists, select, text

from raypp.errors import LedgerUnavailableError, OptionError, SiteMovingError
from raypp.ledger.chunks import Span, count_frames, has_frames_before, times_of
from raypp.ledger.defaults import WAIT_S
from raypp.ledger.dropping import drop_partition
from raypp.ledger.moves import hold_site
from raypp.ledger.partitions import Partition, list_partitions, week_of
from raypp.ledger.record_expiry import RecordExpiry
from raypp.ledger.retention import (
    RETAIN,
    Forgotten,
    clear_findings,
    clear_stream,
    count_findings,
    count_forgotten,
    cut_findings,
    delete_kept,
    forget_alerts,
    forget_stream,
    is_long_past,
    mend_newest,
)
from raypp.ledger.sites import list_sites
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import DAY_US, EpisodeRow, ExposureRow, StreamRow, StretchRow, ViolationRow
from raypp.ledger.types import COMMAND_LINE, stream_label
from raypp.progress import SILENT, Progress
from raypp.text.wording import counted
from raypp.usage.episode import StreamName

_MOST_ROUNDS = 10
_COUNTS = ("streams", "frames", "detections", "episodes", "stretches", "alerts")
_RECORDS = ("tool_runs", "devices", "tokens")


class DroppedPartition(BaseModel):
    """A partition that was dropped, or would be. `frames` and `detections` are 0 in a dry run."""

    model_config = ConfigDict(frozen=True)
    name: str
    days: str
    bytes: int
    frames: int = 0
    detections: int = 0


class Retained(BaseModel):
    """Counts of what retention forgot of a ledger, or would: all before `edge_us`, event time.

    `tool_runs` were emptied, `devices` not heard of since were deleted, and `tokens` that had ended by then.
    `waiting` has a line on each site of which nothing was forgotten, since it is being moved. `emptied` is as in
    `Forgotten`.
    """

    model_config = ConfigDict(frozen=True)
    ledger: str
    edge_us: int
    dry_run: bool
    partitions: tuple[DroppedPartition, ...] = ()
    streams: int = 0
    frames: int = 0
    detections: int = 0
    episodes: int = 0
    stretches: int = 0
    alerts: int = 0
    tool_runs: int = 0
    devices: int = 0
    tokens: int = 0
    waiting: tuple[str, ...] = ()
    emptied: bool = True


class Retention(BaseModel):
    """Counts of what retention forgot of each of some ledgers, or would; and by name what is wrong with the others."""

    model_config = ConfigDict(frozen=True)
    ledgers: tuple[Retained, ...]
    failed: dict[str, str] = {}


def retain(
    ledger: Ledger,
    keep_us: int,
    *,
    dry_run: bool = False,
    wait_s: float = WAIT_S,
    who: str = COMMAND_LINE,
    progress: Progress = SILENT,
) -> Retained:
    """Forget all that lies before the week, from Monday in UTC, in which the time to keep begins.

    Args:
        ledger: the ledger.
        keep_us: how long to keep, a day at least; up to a week more is kept.
        dry_run: only count.
        wait_s: how long to wait for those who use a partition, or read SQLite's log.
        who: for the audit log.
        progress: is told how far it is.

    Raises:
        OptionError: if less than a day is to be kept.
        LedgerUnavailableError: if others use a partition for all that time. Run it again: it goes on.
    """
    if keep_us < DAY_US:
        raise OptionError("`keep` is less than a day; keep 1d at least, or use `raypp forget`")
    expiry = _Expiry(ledger, week_of(ledger.clock() - keep_us), who, dry_run=dry_run)
    return expiry.run(wait_s, progress)


class _Expiry:
    """One retention of one ledger."""

    def __init__(self, ledger: Ledger, edge_us: int, who: str, *, dry_run: bool) -> None:
        self._ledger, self._edge_us, self._who, self._dry_run = ledger, edge_us, who, dry_run
        self._totals = dict.fromkeys((*_COUNTS, *_RECORDS), 0)
        self._records = RecordExpiry(ledger, edge_us, who, RETAIN, dry_run)
        self._waiting: dict[str, str] = {}
        self._touched: set[int] = set()
        with ledger.database.read() as connection:
            self._sites = [site.name for site in list_sites(connection)]
            partitions = [] if ledger.database.is_sqlite else list_partitions(connection)
            self._whole = [some for some in partitions if some.to_us is not None and some.to_us <= edge_us]
            self._sizes = dict(_sizes(connection, self._whole))
        begun = (some for some in partitions if some.is_other or some.from_us is None or some.from_us < edge_us)
        self._parts = [some.name for some in begun if some not in self._whole]

    def run(self, wait_s: float, progress: Progress) -> Retained:
        dropped: list[DroppedPartition] = []
        with progress.task("retain", len(self._sites) + len(self._whole), steady=False) as advance:
            for site in self._sites:
                with self._noting_moves(site):
                    self._forget_site(site)
                advance(1, site, 0)
            for partition in self._whole:
                if self._dry_run:
                    dropped.append(self._entry(partition, 0, 0, self._sizes[partition.name]))
                else:
                    with self._noting_moves(partition.name):
                        dropped += self._drop(partition, wait_s)
                advance(1, partition.days, 0)
        self._totals["tool_runs"] += self._records.forget_tool_runs()
        self._totals["tokens"] += self._records.forget_tokens()
        self._mend()
        emptied = self._dry_run or self._ledger.database.purge(wait_s)
        totals = self._totals | {"streams": self._totals["streams"] + len(self._touched)}
        return Retained(
            ledger=self._ledger.database.shown,
            edge_us=self._edge_us,
            dry_run=self._dry_run,
            partitions=tuple(dropped),
            waiting=tuple(self._waiting.values()),
            emptied=emptied,
            **totals,
        )

    def _forget_site(self, site: str) -> None:
        """Forget all of a site before the edge but what partitions hold that are dropped afterwards."""
        scope = Forgotten(site=site, camera=None, from_us=None, to_us=self._edge_us, dry_run=self._dry_run)
        with self._ledger.database.read() as connection:
            query = select(StreamRow.stream_id).where(StreamRow.site == site, StreamRow.committed > 0)
            ids = list(connection.execute(query.order_by(StreamRow.stream_id)).scalars())
        for stream_id in ids:
            self._cut_stream(stream_id, scope)
        self._totals["alerts"] += forget_alerts(self._ledger, scope, self._who, RETAIN)
        self._totals["devices"] += self._records.forget_devices(site)

    def _cut_stream(self, stream_id: int, scope: Forgotten) -> None:
        """Cut a stream at the edge."""
        if self._dry_run:
            done = self._counted(stream_id, scope)
        elif self._ledger.database.is_sqlite:
            done = forget_stream(self._ledger, stream_id, scope, self._who, RETAIN)
        else:
            done = self._cut(stream_id, scope)
        if done is not None:
            self._touched.add(stream_id)
            self._add(done.model_copy(update={"streams": 0}))

    def _counted(self, stream_id: int, scope: Forgotten) -> Forgotten | None:
        with self._ledger.database.read() as connection:
            return count_forgotten(connection, stream_id, scope)

    def _cut(self, stream_id: int, scope: Forgotten) -> Forgotten | None:
        """Do what forgetting does, but for chunks of partitions that are dropped; None where nothing is to be done."""
        ledger, edge_us, span = self._ledger, self._edge_us, Span(None, self._edge_us)
        with ledger.database.read() as connection:
            if not self._reaches_back(connection, stream_id):
                return None
        with ledger.database.write(patient=True) as connection:
            hold_site(connection, scope.site, rewrites=True)
            locked = select(StreamRow.camera, StreamRow.epoch).where(StreamRow.stream_id == stream_id)
            row = connection.execute(locked.with_for_update()).one()
            times = times_of(connection, stream_id)
            whole = times is None or times[1] < edge_us
            if whole or is_long_past(connection, stream_id, scope):
                done = count_findings(connection, stream_id, scope)
                frames, detections = count_frames(connection, stream_id, span, self._parts)
                if whole:
                    clear_findings(connection, stream_id)
                else:
                    cut_findings(connection, stream_id, edge_us, ledger.clock())
                delete_kept(connection, stream_id, span, floor_us=edge_us, anew=whole, parts=self._parts)
                findings = f"{counted(done.episodes, 'episode')}, {counted(done.stretches, 'stretch')}"
                detail = f"to {edge_us}: {counted(frames, 'frame')}, {counted(detections, 'detection')}, {findings}"
                subject = stream_label(StreamName(scope.site, row.camera, row.epoch))
                write_audit(connection, ledger.clock(), self._who, RETAIN, subject, detail)
                return done.model_copy(update={"frames": frames, "detections": detections})
        return forget_stream(ledger, stream_id, scope, self._who, RETAIN)

    def _reaches_back(self, connection: Connection, stream_id: int) -> bool:
        """Whether a stream is not cut at the edge."""
        edge_us = self._edge_us
        findings = [
            exists().where(table.stream_id == stream_id, table.start_us < edge_us)
            for table in (EpisodeRow, StretchRow, ViolationRow, ExposureRow)
        ]
        floor = select(StreamRow.floor_us).where(StreamRow.stream_id == stream_id).scalar_subquery()
        floor_us, *begun = connection.execute(select(floor, *findings)).one()
        if any(begun) or count_frames(connection, stream_id, Span(None, edge_us), self._parts)[0]:
            return True
        return (floor_us is None or floor_us < edge_us) and has_frames_before(connection, stream_id, edge_us)

    def _drop(self, partition: Partition, wait_s: float) -> Iterator[DroppedPartition]:
        """Drop a partition; streams that somebody has folded anew, or that sent old frames meanwhile, are cut again."""
        for _ in range(_MOST_ROUNDS):
            done = drop_partition(self._ledger, partition, self._edge_us, self._who, wait_s)
            if not done.unready:
                self._touched |= done.streams
                self._totals["frames"] += done.frames
                self._totals["detections"] += done.detections
                if done.bytes:
                    yield self._entry(partition, done.frames, done.detections, done.bytes)
                return
            for stream_id in done.unready:
                with self._ledger.database.read() as connection:
                    named = select(StreamRow.site).where(StreamRow.stream_id == stream_id)
                    site = connection.execute(named).scalar_one()
                scope = Forgotten(site=site, camera=None, from_us=None, to_us=self._edge_us, dry_run=False)
                self._cut_stream(stream_id, scope)
        raise LedgerUnavailableError(f"streams are rewritten by others all the time; {partition.name} was not dropped")

    def _mend(self) -> None:
        """Let the latest frame of streams be the latest that is left, also where a command was killed before that.

        A stream that has none begins anew, as after forgetting: nothing of it is cut when it goes on.
        """
        if self._dry_run:
            return
        with self._ledger.database.read() as connection:
            query = select(StreamRow.stream_id).where(StreamRow.newest_us < self._edge_us)
            ids = list(connection.execute(query).scalars())
            floored = select(StreamRow.stream_id, StreamRow.site).where(StreamRow.floor_us <= self._edge_us)
            cut = connection.execute(floored.order_by(StreamRow.stream_id)).all()
            empty = [row for row in cut if times_of(connection, row.stream_id) is None]
        for stream_id in ids:
            mend_newest(self._ledger, stream_id)
        for row in empty:
            with self._noting_moves(row.site):
                self._begin_anew(row.stream_id, row.site)

    def _begin_anew(self, stream_id: int, site: str) -> None:
        """Let a stream that has no frame have no edge either."""
        with self._ledger.database.write(patient=True) as connection:
            hold_site(connection, site, rewrites=True)
            connection.execute(select(StreamRow.stream_id).where(StreamRow.stream_id == stream_id).with_for_update())
            if times_of(connection, stream_id) is None:
                clear_stream(connection, stream_id)

    def _entry(self, partition: Partition, frames: int, detections: int, size: int) -> DroppedPartition:
        counts = {"frames": frames, "detections": detections}
        return DroppedPartition(name=partition.name, days=partition.days, bytes=size, **counts)

    def _add(self, done: Forgotten) -> None:
        for name in _COUNTS:
            self._totals[name] += getattr(done, name)

    @contextmanager
    def _noting_moves(self, name: str) -> Iterator[None]:
        try:
            yield
        except SiteMovingError as error:
            self._waiting[name] = str(error)


def _sizes(connection: Connection, partitions: Sequence[Partition]) -> Iterator[tuple[str, int]]:
    for partition in partitions:
        query = text(f"SELECT pg_total_relation_size('{partition.name}')")
        yield partition.name, int(connection.execute(query).scalar_one())
