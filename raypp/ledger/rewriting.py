"""Streams rewritten from their kept frames: with other settings, or without frames that are to be forgotten.

One transaction a stream. The frames are folded before it, so that a live stream waits only for those that it has
committed meanwhile. Its lease rises, so a connection that holds the old state can commit no more, and opens it again.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from raypp.errors import StaleStreamError
from raypp.ledger.chunks import Span, delete_frames, read_frames
from raypp.ledger.database import Database
from raypp.ledger.moves import hold_site
from raypp.ledger.packing import pack_state
from raypp.ledger.queries import read_episodes, read_stretches
from raypp.ledger.refold import ModelClasses, Refold
from raypp.ledger.safety import clear_safety, read_exposures, read_violations, write_exposures, write_violations
from raypp.ledger.sites import recall
from raypp.ledger.statements import write_episodes, write_stretches
from raypp.ledger.tables import (
    EpisodeRow,
    ExposureRow,
    ModelRow,
    StreamRow,
    StretchRow,
    TermRow,
    ViolationRow,
)
from raypp.ledger.types import stream_label
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch
from raypp.usage.settings import SiteSettings
from raypp.usage.state import FoldState
from raypp.usage.violation import Exposure, Violation

_Found = TypeVar("_Found", Episode, Violation)
_MOST_ATTEMPTS = 10


@dataclass(frozen=True)
class Rewriting:
    """Changes to a stream by a rewriting, made or planned.

    Attributes:
        stream: the stream.
        before, after: its episodes.
        stretches_before, stretches_after: its stretches.
        people_before, people_after: its violations and exposure.
        frames: kept frames that were folded.
    """

    stream: StreamName
    before: tuple[Episode, ...]
    after: tuple[Episode, ...]
    stretches_before: tuple[Stretch, ...]
    stretches_after: tuple[Stretch, ...]
    people_before: frozenset[Violation | Exposure]
    people_after: frozenset[Violation | Exposure]
    frames: int

    @property
    def changes(self) -> bool:
        """Whether anything that was found differs."""
        same_episodes = set(self.before) == set(self.after) and self.people_before == self.people_after
        return not (same_episodes and set(self.stretches_before) == set(self.stretches_after))


@dataclass(frozen=True)
class RewritePlan:
    """The streams to rewrite, and how.

    Attributes:
        settings: fold all frames with these; None: with those they were folded with.
        forget: which frames to delete; None: none.
        within: called within the transaction that rewrites, before anything is, with the outcome to be.
    """

    settings: SiteSettings | None = None
    forget: Span | None = None
    within: Callable[[Connection, Rewriting], None] | None = None


class _Walk:
    """A walk along a stream's kept frames, folding them."""

    def __init__(self, row: Row[Any], plan: RewritePlan) -> None:
        self.stream = StreamName(row.site, row.camera, row.epoch)
        self.refold = Refold(self.stream)
        self.frames = 0
        self._stream_id = row.stream_id
        self._plan = plan
        self._last = (0, -1)
        self._at: SiteSettings | None = None
        self._known: dict[str, SiteSettings] = {}
        self._starts: list[int] = []
        self._terms: list[tuple[SiteSettings, ModelClasses]] = []

    def learn(self, connection: Connection) -> None:
        """Read which settings and which model the frames have."""
        query = (
            select(TermRow.from_sequence, TermRow.settings_id, ModelRow.classes, ModelRow.reliabilities)
            .join(ModelRow, ModelRow.model_key == TermRow.model_key)
            .where(TermRow.stream_id == self._stream_id)
            .order_by(TermRow.from_sequence)
        )
        self._starts, self._terms = [], []
        for row in connection.execute(query):
            if row.settings_id not in self._known:
                self._known[row.settings_id] = self._plan.settings or recall(connection, row.settings_id)
            self._starts.append(row.from_sequence)
            self._terms.append((self._known[row.settings_id], ModelClasses.read(row.classes, row.reliabilities)))

    def step(self, connection: Connection, up_to: int) -> bool:
        """Fold some more frames, up to the end of a chunk; return whether there may be more."""
        read = read_frames(connection, self._stream_id, self._last, up_to)
        if not read:
            return False
        self._last = read[-1][0], read[-1][1].frame_index
        forgotten = self._plan.forget
        frames = [numbered for numbered in read if forgotten is None or not forgotten.holds(numbered[1])]
        for term, numbered in groupby(
            frames, key=lambda numbered_frame: bisect_right(self._starts, numbered_frame[0]) - 1
        ):
            settings, model = self._terms[term]
            self._at = settings
            self.refold.take(settings, model, [frame for _, frame in numbered])
        self.frames += len(frames)
        return True

    def settle(self, committed: int) -> None:
        """Let the state be that of the latest settings and model, whose chunks may have come without frames."""
        term = bisect_right(self._starts, committed) - 1
        if self.refold.state is not None and term >= 0:
            self.refold.adopt(*self._terms[term])
            self._at = self._terms[term][0]

    def end(self, row: Row[Any]) -> None:
        """End the stream, if it has ended."""
        if row.ended_us is None or self._at is None:
            return
        reason = CloseReason(row.end_reason)
        if reason is CloseReason.END_OF_STREAM:  # by a chunk, which may have come without frames and with other terms
            self.refold.adopt(*self._terms[-1])
            self._at = self._terms[-1][0]
        self.refold.end(self._at, reason)


def rewrite(database: Database, stream_id: int, plan: RewritePlan, now_us: int, *, dry_run: bool = False) -> Rewriting:
    """Rewrite one stream, or, in a dry run, only say what that would change.

    Raises:
        StaleStreamError: if others rewrite the stream all the time.
        LedgerError: if the database cannot do it; then nothing has changed.
    """
    if dry_run:
        return fold_kept(database, stream_id, plan).outcome
    for _ in range(_MOST_ATTEMPTS):
        row, walk = _walk(database, stream_id, plan)
        with database.write(patient=True) as connection:
            hold_site(connection, row.site, rewrites=True)
            now = connection.execute(_stream(stream_id).with_for_update()).one()
            if now.rewrites != row.rewrites:
                continue  # frames that were folded may be gone
            outcome = _catch_up(connection, walk, now)
            if plan.within:
                plan.within(connection, outcome)
            _replace(connection, now, walk, outcome, plan, now_us)
            return outcome
    raise StaleStreamError(f"stream {stream_label(walk.stream)} is being rewritten by others; try again")


@dataclass(frozen=True)
class Folded:
    """A stream's row, and what its kept frames fold to, both of one moment.

    Attributes:
        row: of the table of streams.
        state: the fold's state after the frames; None where none is kept.
        outcome: the changes that a rewriting would make.
    """

    row: Row[Any]
    state: FoldState | None
    outcome: Rewriting


def fold_kept(
    database: Database, stream_id: int, plan: RewritePlan, advance: Callable[[int], object] = lambda _: None
) -> Folded:
    """Fold a stream's kept frames, and change nothing.

    Args:
        database: of the ledger.
        stream_id: the stream's key.
        plan: how they are folded.
        advance: is told how many frames were folded, time and again.

    Raises:
        StaleStreamError: if others rewrite the stream all the time.
    """
    for _ in range(_MOST_ATTEMPTS):
        row, walk = _walk(database, stream_id, plan, advance)
        with database.read() as connection:
            now = connection.execute(_stream(stream_id)).one()
            if now.rewrites == row.rewrites:
                outcome = _catch_up(connection, walk, now, settle=plan.settings is None)
                return Folded(now, walk.refold.state, outcome)
    raise StaleStreamError(f"stream {stream_label(walk.stream)} is being rewritten by others; try again")


def _walk(
    database: Database, stream_id: int, plan: RewritePlan, advance: Callable[[int], object] = lambda _: None
) -> tuple[Row[Any], _Walk]:
    """Fold what a stream has committed by now, a few chunks in a transaction."""
    with database.read() as connection:
        row = connection.execute(_stream(stream_id)).one()
        walk = _Walk(row, plan)
        walk.learn(connection)
    more, before = True, 0
    while more:
        with database.read() as connection:
            more = walk.step(connection, row.committed)
        advance(walk.frames - before)
        before = walk.frames
    return row, walk


def _catch_up(connection: Connection, walk: _Walk, row: Row[Any], *, settle: bool = False) -> Rewriting:
    """Fold what was committed meanwhile, and compare; `settle`: with the latest settings, as the service does."""
    walk.learn(connection)
    while walk.step(connection, row.committed):
        pass
    if settle:
        walk.settle(row.committed)
    return _finish(connection, walk, row)


def _finish(connection: Connection, walk: _Walk, row: Row[Any]) -> Rewriting:
    walk.end(row)
    after = list(walk.refold.episodes.values())
    violations = list(walk.refold.violations.values())
    if row.reaped:  # still silent: what is open stays closed provisionally
        after = [_provisional(episode) for episode in after]
        violations = [_provisional(violation) for violation in violations]
    return Rewriting(
        stream=walk.stream,
        before=tuple(read_episodes(connection, EpisodeRow.stream_id == row.stream_id)),
        after=tuple(sorted(after, key=lambda episode: (episode.start_us, episode.episode_id))),
        stretches_before=tuple(read_stretches(connection, StretchRow.stream_id == row.stream_id)),
        stretches_after=tuple(walk.refold.stretches[start] for start in sorted(walk.refold.stretches)),
        people_before=frozenset(
            (
                *read_violations(connection, ViolationRow.stream_id == row.stream_id),
                *read_exposures(connection, ExposureRow.stream_id == row.stream_id),
            )
        ),
        people_after=frozenset((*violations, *walk.refold.exposures.values())),
        frames=walk.frames,
    )


def _replace(
    connection: Connection, row: Row[Any], walk: _Walk, outcome: Rewriting, plan: RewritePlan, now_us: int
) -> None:
    gone = {episode.episode_id for episode in outcome.before} - {episode.episode_id for episode in outcome.after}
    if gone:
        connection.execute(
            delete(EpisodeRow).where(EpisodeRow.episode_id == bindparam("gone")),
            [{"gone": episode_id} for episode_id in gone],
        )
    connection.execute(delete(StretchRow).where(StretchRow.stream_id == row.stream_id))
    write_episodes(connection, row.stream_id, set(outcome.after) - set(outcome.before), None, now_us)
    write_stretches(connection, row.stream_id, outcome.stretches_after, None)
    if outcome.people_before != outcome.people_after:
        clear_safety(connection, row.stream_id)
        violations = [change for change in outcome.people_after if isinstance(change, Violation)]
        exposures = [change for change in outcome.people_after if isinstance(change, Exposure)]
        write_violations(connection, row.stream_id, violations, None, now_us)
        write_exposures(connection, row.stream_id, exposures, None)
    forgotten = 0
    if plan.forget is not None:
        forgotten = delete_frames(connection, row.stream_id, plan.forget)
    settings_id = row.settings_id
    if plan.settings is not None:
        settings_id = plan.settings.settings_id
        connection.execute(update(TermRow).where(TermRow.stream_id == row.stream_id).values(settings_id=settings_id))
    state = walk.refold.state
    connection.execute(
        update(StreamRow)
        .where(StreamRow.stream_id == row.stream_id)
        .values(
            fold=None if state is None else pack_state(state.to_json()),
            settings_id=settings_id,
            lease=StreamRow.lease + 1,
            rewrites=StreamRow.rewrites + 1,
            floor_us=None,
            forgotten_frames=StreamRow.forgotten_frames + forgotten,
        )
    )


def _provisional(episode: _Found) -> _Found:
    if episode.state is not EpisodeState.OPEN:
        return episode
    return replace(episode, state=EpisodeState.PROVISIONAL, reason=CloseReason.SILENT)


def _stream(stream_id: int) -> Any:
    return select(*StreamRow.__table__.columns).where(StreamRow.stream_id == stream_id)
