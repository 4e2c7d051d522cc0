"""Violations and exposure: written with the chunk that shows them, and folded, silenced and forgotten as uses are."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.settings import CAMERA, yard_site_settings
from raypp.demo.yard.site import Seeds, Yard
from raypp.ledger.packing import as_stored
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.fold import Fold
from raypp.usage.observation import SeenFrame
from raypp.usage.reliability import Reliability
from raypp.usage.settings import SiteSettings
from tests.ledger.site import SECOND, T0, Clock

_ABOUT = StreamAbout(CLASSES, "a" * 64, "b" * 32)
_STREAM = StreamName("plant-1", CAMERA, T0)
_SETTINGS = yard_site_settings("plant-1")
_FRAMES = tuple(
    as_stored(replace(frame.frame, timestamp_us=T0 + frame.frame.timestamp_us))
    for frame in Yard.make(Seeds.DEVELOP, 3, seconds=40).frames
)


@pytest.fixture
def yard(ledger: Ledger) -> Ledger:
    ledger.configure("plant-1", _SETTINGS)
    return ledger


def _send(
    ledger: Ledger,
    frames: Sequence[SeenFrame],
    *,
    stream: StreamName = _STREAM,
    about: StreamAbout = _ABOUT,
    last: bool = False,
) -> None:
    """Commit frames in chunks, each on a connection of its own."""
    for start in range(0, len(frames), 60):
        writer = StreamWriter.open(ledger, stream, about)
        writer.commit(writer.committed + 1, frames[start : start + 60], last=last and start + 60 >= len(frames))


def _folded(frames: Sequence[SeenFrame], settings: str = _SETTINGS) -> tuple[set, set]:
    """Violations and exposure of a whole stream, folded at once."""
    fold = Fold(SiteSettings.parse(settings, "test"), _STREAM, CLASSES)
    state, changes = fold.advance(fold.begin(), frames)
    changes = changes.then(fold.finish(state, CloseReason.END_OF_STREAM)[1])
    return set(changes.violations), set(changes.exposures)


def _kept(ledger: Ledger) -> tuple[set, set]:
    return set(ledger.violations("plant-1")), set(ledger.exposures("plant-1"))


def test_the_ledger_has_what_the_fold_found(yard: Ledger) -> None:
    _send(yard, _FRAMES, last=True)
    violations, exposures = _folded(_FRAMES)
    assert len(violations) >= 5
    assert _kept(yard) == (violations, exposures)
    first = min(violation.start_us for violation in violations)
    assert yard.violations("plant-1", to_us=first) == []
    assert {violation.start_us for violation in yard.violations("plant-1", to_us=first + 1)} == {first}
    assert yard.exposures("plant-1", from_us=T0 + 3600 * SECOND) == []


def test_frames_fold_again_to_the_same_and_with_other_rules_to_others(yard: Ledger) -> None:
    _send(yard, _FRAMES, last=True)
    before = _kept(yard)
    assert reaggregate(yard, "plant-1", again=True).changed == 0
    assert _kept(yard) == before
    stricter = _SETTINGS.replace("grace_s: 3", "grace_s: 0")
    assert reaggregate(yard, "plant-1", SiteSettings.parse(stricter, "test"), dry_run=True).changed == 1
    assert _kept(yard) == before
    reaggregate(yard, "plant-1", SiteSettings.parse(stricter, "test"))
    assert _kept(yard) == _folded(_FRAMES, stricter)
    assert _kept(yard)[0] != before[0]


def test_frames_fold_again_with_the_weights_of_the_model_that_found_them(yard: Ledger) -> None:
    doubtful = tuple(Reliability(0.6, 0.6) if name == "helmet" else None for name in CLASSES)
    weighed = replace(_ABOUT, model_id="c" * 64, reliabilities=doubtful)
    assert yard.weighs_evidence()
    _send(yard, _FRAMES[:180])
    assert not yard.weighs_evidence()
    _send(yard, _FRAMES[180:], about=weighed, last=True)
    assert yard.weighs_evidence()
    before = _kept(yard)
    assert before != _folded(_FRAMES)
    assert reaggregate(yard, "plant-1", again=True).changed == 0
    assert _kept(yard) == before


def test_what_is_forgotten_leaves_neither_violations_nor_exposure(yard: Ledger) -> None:
    _send(yard, _FRAMES, last=True)
    forget(yard, "plant-1", to_us=T0 + 20 * SECOND)
    rest = [frame for frame in _FRAMES if frame.timestamp_us >= T0 + 20 * SECOND]
    assert _kept(yard) == _folded(rest)
    forget(yard, "plant-1")
    assert _kept(yard) == (set(), set())


def test_silence_closes_provisionally_and_the_next_chunk_opens_again(yard: Ledger, clock: Clock) -> None:
    _send(yard, _FRAMES[:240])
    held = {violation.violation_id for violation in yard.violations("plant-1") if violation.reason is None}
    assert held
    clock.now += 600 * SECOND
    yard.reap(clock.now)
    silent = {row.violation_id for row in yard.violations("plant-1") if row.state is EpisodeState.PROVISIONAL}
    assert silent == held
    assert reaggregate(yard, "plant-1", again=True).changed == 0
    _send(yard, _FRAMES[240:], last=True)
    assert _kept(yard) == _folded(_FRAMES)


def test_a_higher_epoch_ends_what_is_under_way(yard: Ledger) -> None:
    _send(yard, _FRAMES[:240])
    later = [replace(frame, timestamp_us=frame.timestamp_us + 60 * SECOND) for frame in _FRAMES[:60]]
    _send(yard, later, stream=StreamName("plant-1", CAMERA, T0 + 60 * SECOND))
    ended = [violation for violation in yard.violations("plant-1") if violation.stream == _STREAM]
    assert {violation.state for violation in ended} == {EpisodeState.FINAL}
    assert CloseReason.REPLACED in {violation.reason for violation in ended}
