"""Verdicts on steps: one small execution for each."""

import pytest

from raypp.procedure.verdict import ExecutionOutcome
from raypp.usage.episode import CloseReason
from tests.procedure.written import judged, seen, settings, use, words

_PLAIN = settings("""
  - name: p
    execution: {during: part}
    max_s: 100
    steps:
      - {name: A, tools: [a], min_s: 5, max_s: 20}
      - {name: B, tools: [b, e], max_pause_s: 10}
      - any_order:
          - {name: C, tools: [c], repeat: [1, 2]}
          - {name: D, tools: [d], optional: true, min_s: 4}
""")
_PART = use("part", 0, 60)
_A, _B, _C = use("a", 2, 10), use("b", 12, 20), use("c", 22, 30)


def _words(*uses: object, blind: tuple[tuple[float, float], ...] = ()) -> list[str]:
    (execution,) = judged(_PLAIN, [_PART, *uses], seen(3600, *blind))  # type: ignore[list-item]
    return words(execution)


def test_all_as_prescribed() -> None:
    (execution,) = judged(_PLAIN, [_PART, _A, _B, _C, use("d", 24, 29)])
    assert words(execution) == ["A done", "B done", "C done", "D done"]
    assert (execution.outcome, execution.judgement.fitness) == (ExecutionOutcome.CONFORMING, 1.0)
    assert next(step.use.episodes for step in execution.judgement.steps if step.use) == (_A,)


@pytest.mark.parametrize(
    ("uses", "verdicts"),
    [
        ([_A, _C], ["A done", "B missing", "C done"]),
        ([_B, _C], ["A missing", "B done", "C done"]),
        ([_A, _B], ["A done", "B done", "C missing"]),
        ([_A, use("c", 12, 20), use("b", 22, 30)], ["A done", "C done", "B out_of_order"]),
        ([_A, use("d", 11, 16), use("b", 18, 22), _C], ["A done", "D out_of_order", "B done", "C done"]),
        ([use("a", 2, 6), _B, _C], ["A done too_short", "B done", "C done"]),
        ([use("a", 2, 30), use("b", 31, 35), use("c", 36, 40)], ["A done too_long", "B done", "C done"]),
        ([_A, use("b", 21, 25), use("c", 26, 30)], ["A done", "B done too_late", "C done"]),
        ([_A, _B, use("b", 21, 22), _C], ["A done", "B done", "B repeated", "C done"]),
        ([_A, _B, _C, use("c", 31, 33)], ["A done", "B done", "C done", "C done"]),
        ([_A, use("stranger", 10, 11), _B, _C], ["A done", "stranger extra", "B done", "C done"]),
        ([_A, use("b", 12, 14), use("e", 13, 16), use("b", 16, 19), _C], ["A done", "B done", "C done"]),
    ],
)
def test_each_deviation_is_named(uses: list[object], verdicts: list[str]) -> None:
    assert _words(*uses) == verdicts


def test_a_missing_step_is_not_observed_where_it_may_have_been_done_unseen() -> None:
    assert _words(_A, _C, blind=((11, 21),))[1] == "B not_observed"
    assert _words(_A, _C, blind=((31, 41),))[1] == "B missing"
    assert _words(_B, _C, blind=((1, 5.5),))[0] == "A not_observed"
    assert _words(_B, _C, blind=((1, 4),))[0] == "A missing"


def test_an_execution_is_judged_on_what_was_observed() -> None:
    (execution,) = judged(_PLAIN, [_PART, _A, _C], seen(3600, (11, 21)))
    assert (execution.outcome, execution.judgement.fitness) == (ExecutionOutcome.CANNOT_TELL, 1.0)
    (execution,) = judged(_PLAIN, [_PART, _A, _C])
    assert execution.outcome is ExecutionOutcome.DEVIATING
    assert execution.judgement.fitness == pytest.approx(1 - 1 / 5)


def test_a_use_that_is_cut_is_too_short_only_where_it_cannot_have_gone_on() -> None:
    cut = use("a", 2, 5, reason=CloseReason.NOT_OBSERVED)
    assert _words(cut, _B, _C, blind=((5, 9),))[0] == "A done cannot_tell"
    assert _words(cut, _B, _C, blind=((5, 6.5),))[0] == "A done too_short"
    long = use("a", 2, 21, reason=CloseReason.NOT_OBSERVED), use("b", 26, 28), use("c", 30, 33)
    assert _words(*long, blind=((21, 24),))[0] == "A done cannot_tell"


def test_a_use_that_was_not_seen_in_its_middle_is_one() -> None:
    pieces = use("a", 2, 5, reason=CloseReason.NOT_OBSERVED), use("a", 9, 12)
    assert _words(*pieces, use("b", 15, 20), _C, blind=((5, 9),)) == ["A done cannot_tell", "B done", "C done"]
    assert _words(*pieces, use("b", 15, 20), _C)[:2] == ["A done too_short", "A repeated"]


def test_a_pause_that_was_not_observed_is_not_too_late() -> None:
    assert _words(_A, use("b", 24, 25), use("c", 26, 30), blind=((12, 20),))[1] == "B done cannot_tell"


def test_what_is_still_to_come_is_open_and_what_was_passed_over_is_missing() -> None:
    part = use("part", 0, 30, reason=None)
    (execution,) = judged(_PLAIN, [part, _A], seen(30), until_s=30)
    assert words(execution) == ["A done", "B open", "C open"]
    assert execution.outcome is ExecutionOutcome.OPEN
    (execution,) = judged(_PLAIN, [part, _A, use("c", 22, 30, reason=None)], seen(30), until_s=30)
    assert words(execution) == ["A done", "B missing", "C done"]
    assert execution.outcome is ExecutionOutcome.DEVIATING


def test_a_long_execution_is_too_long_and_beside_the_usual() -> None:
    uses = [use("part", 0, 120), _A, _B, _C, use("part", 200, 240), use("part", 300, 350)]
    first, second, third = judged(_PLAIN, uses)
    assert [verdict.value for verdict in first.judgement.verdicts] == ["too_long"]
    assert (first.judgement.duration_s, first.median_s, second.median_s, third.judgement.verdicts) == (120, 50, 50, ())


def test_of_more_than_400_uses_the_rest_is_not_compared() -> None:
    uses = [use("part", 0, 3000), _A, *(use("b", 12 + 5 * number, 14 + 5 * number) for number in range(450))]
    (execution,) = judged(_PLAIN, [*uses, use("c", 2900, 2910)])
    assert "C cannot_tell" in words(execution)
    assert execution.judgement.note == "more than 400 uses; 52 are not compared"
