"""How far a detector is believed: its errors weigh evidence, and are part of what names a fold."""

from dataclasses import replace

import pytest

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.site import Seeds, Yard
from raypp.errors import FoldError
from raypp.usage.episode import CloseReason
from raypp.usage.fold import Fold
from raypp.usage.reliability import Reliabilities, Reliability, reliabilities_from, reliabilities_json
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes, FoldState
from tests.usage.yards import SETTINGS, STREAM

_FRAMES = tuple(frame.frame for frame in Yard.make(Seeds.DEVELOP, 3, seconds=40).frames)
_SURE: Reliabilities = (Reliability(1.0, 1.0),) * len(CLASSES)
_HELMET, _GLASSES = CLASSES.index("helmet"), CLASSES.index("glasses")


def _with(class_id: int, known: Reliability | None) -> Reliabilities:
    return (*_SURE[:class_id], known, *_SURE[class_id + 1 :])


def _folded(reliabilities: Reliabilities) -> Changes:
    fold = Fold(SETTINGS, STREAM, CLASSES, reliabilities)
    state, changes = fold.advance(fold.begin(), _FRAMES)
    return changes.then(fold.finish(state, CloseReason.END_OF_STREAM)[1])


def _told_us(changes: Changes, item: str, field: str) -> int:
    return sum(getattr(row, field) for row in changes.exposures if row.item == item)


@pytest.mark.parametrize(
    ("share", "of_box", "of_silence"),
    [(0.0, 0.1, 0.1), (0.5, 0.1, 0.2314), (0.8, 0.4708, 0.5372), (0.95, 1.0, 1.0), (1.0, 1.0, 1.0)],
)
def test_what_a_class_counts_grows_with_its_shares(share: float, of_box: float, of_silence: float) -> None:
    known = Reliability(share, share)
    assert (known.of_box(), known.of_silence()) == (of_box, of_silence)


def test_a_sure_model_and_one_that_says_nothing_fold_alike() -> None:
    flat = _folded(())
    assert flat.violations
    assert _folded(_SURE) == flat
    assert _folded(_with(_HELMET, None)) == flat


def test_a_class_that_is_often_wrong_says_less_of_its_item_alone() -> None:
    flat, doubtful = _folded(()), _folded(_with(_HELMET, Reliability(0.55, 1.0)))
    assert _told_us(doubtful, "helmet", "worn_us") < _told_us(flat, "helmet", "worn_us")
    others = {row for row in flat.exposures if row.item != "helmet"}
    assert {row for row in doubtful.exposures if row.item != "helmet"} == others


def test_a_class_that_is_often_missed_says_less_by_its_absence() -> None:
    flat, doubtful = _folded(()), _folded(_with(_GLASSES, Reliability(1.0, 0.3)))
    assert 0 < _told_us(doubtful, "glasses", "not_worn_us") < _told_us(flat, "glasses", "not_worn_us")


def test_a_restart_goes_on_with_the_same_weights_and_with_no_others() -> None:
    fold = Fold(SETTINGS, STREAM, CLASSES, _with(_HELMET, Reliability(0.55, 0.5)))
    state, before = fold.advance(fold.begin(), _FRAMES[:170])
    again = FoldState.from_json(state.to_json())
    assert again == state
    after, rest = fold.advance(again, _FRAMES[170:])
    whole, changes = fold.advance(fold.begin(), _FRAMES)
    assert after == whole
    assert set(before.then(rest).violations) >= set(changes.violations)
    flat = Fold(SETTINGS, STREAM, CLASSES)
    with pytest.raises(FoldError, match="adopt it"):
        flat.advance(again, _FRAMES[170:])
    adopted, closed = flat.adopt(again)
    assert closed.violations
    assert {violation.reason for violation in closed.violations} == {CloseReason.SETTINGS}
    assert flat.fits(adopted)


def test_a_camera_without_zones_has_no_part_in_it() -> None:
    plain = Fold(SiteSettings.default(), STREAM, CLASSES)
    weighed = Fold(SiteSettings.default(), STREAM, CLASSES, _with(_HELMET, Reliability(0.5, 0.5)))
    state, changes = plain.advance(plain.begin(), _FRAMES[:50])
    assert weighed.advance(weighed.begin(), _FRAMES[:50]) == (state, changes)
    assert weighed.fits(state)
    assert "reliabilities" not in state.to_json()


def test_what_is_kept_of_it_reads_back() -> None:
    some = _with(_HELMET, None)
    assert reliabilities_from(reliabilities_json(some)) == some
    assert reliabilities_json(()) is None
    assert reliabilities_from(None) == ()
    fold = Fold(SETTINGS, STREAM, CLASSES, some)
    state = fold.begin()
    assert FoldState.from_json(state.to_json()) == state
    assert replace(state, reliabilities=()) == Fold(SETTINGS, STREAM, CLASSES).begin()
