"""One stream checked: its frames are whole, and what is stored of it is what they fold to."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, func, select

from raypp.errors import FoldError, LedgerError, LedgerUnavailableError, SettingsError, StaleStreamError
from raypp.ledger.check.chunks import KeptFrames
from raypp.ledger.database import Database
from raypp.ledger.packing import unpack_state
from raypp.ledger.rewriting import Folded, RewritePlan, fold_kept
from raypp.ledger.tables import HOUR_US, ChunkRow, FrameRow, StreamRow
from raypp.ledger.types import stream_label
from raypp.usage.episode import Episode, StreamName, Stretch
from raypp.usage.state import FoldState
from raypp.usage.violation import Exposure, Violation

_MOST_ATTEMPTS = 10
_NOUNS = {Episode: "episode", Stretch: "stretch", Violation: "violation", Exposure: "exposure"}
_PLURALS = {Violation: "violations", Exposure: "exposures"}
_COMPARED = (
    "settings_id",
    "classes",
    "interval_us",
    "stretch",
    "waiting",
    "newest_us",
    "last_order",
    "frames",
    "late",
    "ended",
)
_Found = Episode | Stretch | Violation | Exposure


@dataclass(frozen=True)
class StreamChecked:
    """Counts of a stream, and what is wrong with it.

    Attributes:
        stream: the stream.
        counts: of chunks, frames and detections that are kept, and of episodes, stretches, violations and exposures
            that are stored.
        problems: a line on each.
    """

    stream: StreamName
    counts: Counter[str]
    problems: tuple[str, ...]


def check_stream(database: Database, stream_id: int, advance: Callable[[int], object]) -> StreamChecked:
    """Check a stream, which may go on meanwhile.

    Args:
        database: of the ledger.
        stream_id: the stream's key.
        advance: is told how many frames were read or folded; each is, once.

    Raises:
        LedgerUnavailableError: if the database cannot be reached just now.
        StaleStreamError: if others rewrite the stream all the time.
    """
    for _ in range(_MOST_ATTEMPTS):
        row = _row(database, stream_id)
        kept = KeptFrames(row)
        kept.read(database, advance)
        folded, problems = _folded(database, stream_id, kept, advance)
        if _row(database, stream_id).rewrites == row.rewrites:
            return _checked(row, kept, folded, [*kept.problems, *problems])
    raise StaleStreamError(f"stream {stream_label(_name(row))} is being rewritten by others; try again")


def _folded(
    database: Database, stream_id: int, kept: KeptFrames, advance: Callable[[int], object]
) -> tuple[Folded | None, list[str]]:
    """Fold the frames again, unless they are damaged, and hold what is stored against that."""
    if kept.problems:
        return None, []
    try:
        folded = fold_kept(database, stream_id, RewritePlan(), advance)
    except (LedgerUnavailableError, StaleStreamError):
        raise
    except (LedgerError, FoldError, SettingsError, TypeError, ValueError) as error:
        return None, [f"its frames cannot be folded again: {error}"]
    with database.read() as connection:
        beyond = list(_beyond(connection, folded.row))
    return folded, [*beyond, *_differences(folded), *_state(folded)]


def _checked(row: Row[Any], kept: KeptFrames, folded: Folded | None, problems: Iterable[str]) -> StreamChecked:
    counts = Counter(chunks=kept.chunks, frames=kept.frames, detections=kept.detections)
    if folded:
        outcome = folded.outcome
        counts.update(episodes=len(outcome.before), stretches=len(outcome.stretches_before))
        counts.update(_PLURALS[type(row)] for row in outcome.people_before)
    return StreamChecked(_name(row), counts, tuple(problems))


def _beyond(connection: Connection, row: Row[Any]) -> Iterator[str]:
    """Tell of frames beyond the last chunk that is committed, and an end that cannot be."""
    now = connection.execute(select(StreamRow.committed).where(StreamRow.stream_id == row.stream_id)).scalar_one()
    for table in (ChunkRow, FrameRow):
        latest = select(func.max(table.sequence)).where(table.stream_id == row.stream_id)
        sequence = connection.execute(latest).scalar()
        if sequence is not None and sequence > now:
            yield f"frames of chunk {sequence} are there, and {now} is the last that is committed"


def _differences(folded: Folded) -> Iterator[str]:
    """Tell of episodes and whatever else is stored otherwise than the frames fold to.

    Where all before a time was forgotten, the fold remembers more than is kept: there only what began an hour behind
    that time is held against it, and of people nothing.
    """
    outcome, floor_us = folded.outcome, folded.row.floor_us
    from_us = None if floor_us is None else floor_us + HOUR_US
    groups: list[tuple[Iterable[_Found], Iterable[_Found]]] = [
        (outcome.before, outcome.after),
        (outcome.stretches_before, outcome.stretches_after),
    ]
    if floor_us is None:
        groups.append((outcome.people_before, outcome.people_after))
    for stored_ones, folded_ones in groups:
        stored, again = (
            {_key(row): row for row in some if _counts(row, from_us)} for some in (stored_ones, folded_ones)
        )
        for key in sorted({*stored, *again}):
            if stored.get(key) != again.get(key):
                yield _difference(stored.get(key), again.get(key))


def _counts(row: _Found, from_us: int | None) -> bool:
    return from_us is None or row.start_us >= from_us


def _key(row: _Found) -> tuple[str, str]:
    noun = _NOUNS[type(row)]
    if isinstance(row, Episode):
        return noun, row.episode_id
    if isinstance(row, Violation):
        return noun, row.violation_id
    if isinstance(row, Exposure):
        return noun, f"in {row.zone} with {row.item} at {row.start_us}"
    return noun, f"at {row.start_us}"


def _difference(stored: _Found | None, again: _Found | None) -> str:
    if again is None and stored is not None:
        return f"{' '.join(_key(stored))} is stored, and its frames fold to none"
    if stored is None and again is not None:
        return f"{' '.join(_key(again))} is missing, and its frames fold to one"
    if stored is None or again is None:
        raise ValueError("nothing to tell apart")
    unlike = [
        f"{field.name} {getattr(stored, field.name)!s} (folded: {getattr(again, field.name)!s})"
        for field in fields(stored)
        if getattr(stored, field.name) != getattr(again, field.name)
    ]
    return f"{' '.join(_key(stored))} is stored with {', '.join(unlike)}"


def _state(folded: Folded) -> Iterator[str]:
    """Tell whether the fold's state is damaged, or another than that after the frames."""
    row = folded.row
    if row.fold is None:
        if folded.state is not None and row.floor_us is None:
            yield "the fold's state is missing"
        return
    try:
        stored = FoldState.from_json(unpack_state(row.fold))
    except (LedgerError, FoldError) as error:
        yield f"the fold's state: {error}"
        return
    if folded.state is None or row.floor_us is not None:
        return
    held, again = (_comparable(state) for state in (stored, FoldState.from_json(folded.state.to_json())))
    if held != again:
        unlike = [name for name, value in held.items() if value != again[name]]
        yield f"the fold's state is not the one after its frames: {', '.join(unlike)}"


def _comparable(state: FoldState) -> dict[str, object]:
    """Return what of a state does not depend on the order of names in settings, which are kept in another."""
    lanes = sorted(state.lanes, key=lambda lane: (lane.tool, lane.station or ""))
    return {name: getattr(state, name) for name in _COMPARED} | {"lanes": lanes}


def _row(database: Database, stream_id: int) -> Row[Any]:
    with database.read() as connection:
        return connection.execute(select(*StreamRow.__table__.columns).where(StreamRow.stream_id == stream_id)).one()


def _name(row: Row[Any]) -> StreamName:
    return StreamName(row.site, row.camera, row.epoch)
