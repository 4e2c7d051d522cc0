"""When executions are settled: not before nothing can change them, each once, however often somebody looks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from raypp.demo.procedures import SITE, BenchSplit, make_procedure_bench
from raypp.procedure.final import ENDED_WAIT_US, CameraProgress, read_together, settle, watched_places
from raypp.procedure.judging import judge_executions
from raypp.procedure.verdict import DEVIATIONS, ExecutionOutcome, StepVerdict
from raypp.usage.episode import Episode, EpisodeState, Stretch
from raypp.usage.procedure_rules import Deviation
from raypp.usage.settings import SiteSettings
from tests.procedure.written import DAY, S, seen, settings, use

HOUR = 3600 * S
STEPS = "steps: [{name: A, tools: [a]}, {name: B, tools: [b]}, {name: C, tools: [c]}]"
Marks = dict[tuple[str, str], int]


def site(execution: str, fields: str = "", more: str = "") -> SiteSettings:
    return settings(f"  - {{name: p, execution: {execution}, {fields}{STEPS}}}\n", more=more)


def known(until_s: float, quiet_s: float = 0, *, ended: bool = False) -> CameraProgress:
    return CameraProgress(DAY + round(until_s * S), round(quiet_s * S), ended)


def look(
    rules: SiteSettings,
    progress: Mapping[str, CameraProgress],
    episodes: Iterable[Episode],
    stretches: Sequence[Stretch],
    marks: Marks,
    now_s: float = 0,
) -> list[tuple[int, list[str]]]:
    """Settle what is final; start and deviations of what is told, in order. `marks` moves on."""
    (name,) = (procedure.name for procedure in rules.procedures)
    places = watched_places(rules, progress, {(name, ""): 0} | marks, {name: HOUR}, DAY + round(now_s * S))
    alerts = []
    for group in read_together(places):
        for place in settle(rules, group, places, list(episodes), stretches):
            marks[place.watched.key] = place.until_us
            alerts += [
                (judgement.execution.start_us, [verdict.value for verdict in judgement.deviations])
                for judgement in place.deviating
            ]
    return alerts


def deviations_told(rules: SiteSettings, uses: list[Episode], until_s: float, **more: object) -> list[list[str]]:
    """Deviations that are told of one camera that saw everything up to a moment."""
    progress = {"cam": known(until_s, **more)}  # type: ignore[arg-type]
    now_s = until_s + progress["cam"].quiet_us / S
    return [words for _, words in look(rules, progress, uses, seen(until_s), {}, now_s)]


def test_the_deviations_of_alert_rules_are_those_of_verdicts() -> None:
    assert {StepVerdict(deviation.value) for deviation in Deviation} == DEVIATIONS
    kept = {StepVerdict.DONE, StepVerdict.CANNOT_TELL, StepVerdict.NOT_OBSERVED, StepVerdict.OPEN}
    assert frozenset(StepVerdict) - DEVIATIONS == kept


def test_a_pause_settles_an_execution_once_no_use_can_have_begun_in_it() -> None:
    uses = [use("a", 0, 5), use("c", 10, 12)]  # tools count after a second
    assert deviations_told(site("{gap_s: 60}"), uses, 72.9) == []
    assert deviations_told(site("{gap_s: 60}"), uses, 73) == [["missing"]]


def test_a_part_settles_its_execution_when_it_is_gone() -> None:
    uses = [use("a", 1, 5), use("c", 10, 12)]
    assert deviations_told(site("{during: part}"), [*uses, use("part", 0, 20, reason=None)], 20) == []
    assert deviations_told(site("{during: part}"), [*uses, use("part", 0, 20)], 21) == []
    assert deviations_told(site("{during: part}"), [*uses, use("part", 0, 20)], 21.1) == [["missing"]]
    under_way = use("b", 15, 21, reason=None)
    assert deviations_told(site("{during: part}"), [*uses, use("part", 0, 20), under_way], 21.1) == []


def test_without_a_pause_that_ends_it_an_execution_is_settled_by_the_next_one() -> None:
    first, second = [use("a", 0, 5), use("c", 10, 12)], [use("a", 40, 45)]
    assert deviations_told(site("{begins: A, ends: C}"), first, 3000) == []
    assert deviations_told(site("{begins: A, ends: C}"), [*first, *second], 45) == [["missing"]]
    assert deviations_told(site("{begins: A, ends: C}"), [*first, use("b", 13, 14), *second], 45) == [["out_of_order"]]


def test_a_shift_settles_its_execution_when_it_is_over() -> None:
    rules = site("{shift: true}", more="shifts: [{name: early, start: 06:00, end: 14:00}]\n")
    uses = [use("a", 7 * 3600, 7 * 3600 + 9)]
    assert deviations_told(rules, uses, 13 * 3600) == []
    assert deviations_told(rules, uses, 13 * 3600, quiet_s=1800, ended=True) == []
    assert deviations_told(rules, uses, 14 * 3600 + 1) == [["missing", "missing"]]
    # nobody saw its last hour
    assert deviations_told(rules, uses, 13 * 3600, quiet_s=3700, ended=True) == []


def test_a_step_that_may_have_been_done_unseen_is_not_told() -> None:
    uses = [use("a", 0, 5), use("c", 30, 32)]
    for blind, expected in (((6, 20), []), ((40, 50), [["missing"]])):
        marks: Marks = {}
        alerts = look(site("{gap_s: 60}"), {"cam": known(200)}, uses, seen(200, blind), marks)
        assert [words for _, words in alerts] == expected
        assert marks[("p", "cam/")] == uses[0].start_us + 1


def test_what_is_settled_is_told_once_and_what_began_before_never() -> None:
    uses, rules = [use("a", 0, 5), use("c", 10, 12), use("b", 100, 109)], site("{gap_s: 60}")
    marks: Marks = {}
    progress = {"cam": known(150)}
    assert look(rules, progress, uses, seen(150), marks) == [(DAY, ["missing"])]
    assert look(rules, progress, uses, seen(150), marks) == []
    progress = {"cam": known(200)}
    assert look(rules, progress, uses, seen(200), marks) == [(uses[2].start_us, ["missing", "missing"])]
    assert look(rules, progress, uses, seen(200), {("p", ""): DAY + S}) == [(uses[2].start_us, ["missing", "missing"])]


def test_a_camera_that_is_late_is_waited_for() -> None:
    rules = site("{gap_s: 60}", "cameras: [cam, other], together: true, ")
    uses = [use("a", 0, 5), use("c", 10, 12)]
    late = use("b", 6, 9, camera="other")
    both = [*seen(4000), *seen(3, camera="other")]
    for quiet_s, ended in ((0, False), (3600, False), (600, True)):
        progress = {"cam": known(4000), "other": known(3, quiet_s, ended=ended)}
        assert look(rules, progress, uses, both, {}) == []
    # it is not waited for any more, and what it did not see is not told; its eyes may be open when the next one begins
    following = [use("c", 2000, 2010), use("a", 2020, 2030)]
    for quiet_s, ended in ((3601, False), (601, True)):
        progress = {"cam": known(4000), "other": known(3, quiet_s, ended=ended)}
        marks: Marks = {}
        assert look(rules, progress, [*uses, *following], both, marks) == []
        assert marks[("p", "/")] == uses[0].start_us + 1
    progress = {"cam": known(4000), "other": known(4000)}
    assert look(rules, progress, [*uses, late], [*seen(4000), *seen(4000, camera="other")], {}) == []
    assert look(rules, progress, uses, [*seen(4000), *seen(4000, camera="other")], {}) == [(DAY, ["missing"])]


def test_a_camera_that_says_no_more_is_judged_by_what_it_saw() -> None:
    uses = [use("a", 0, 5), use("b", 6, 9), use("a", 10, 12), use("c", 13, 18, reason=None)]
    assert deviations_told(site("{gap_s: 60}"), uses, 20, quiet_s=600, ended=True) == []
    assert deviations_told(site("{gap_s: 60}"), uses, 20, quiet_s=ENDED_WAIT_US / S + 1, ended=True) == [["repeated"]]
    # what may have been done afterwards is not missing
    assert deviations_told(site("{gap_s: 60}"), uses[:2], 20, quiet_s=601, ended=True) == []


def test_cameras_of_other_years_are_not_read_with_those_of_today() -> None:
    rules = site("{gap_s: 60}")
    day = 24 * 3600
    progress = {"cam": known(400 * day), "old": known(day, 399 * day), "near": known(399 * day)}
    marks = {("p", f"{camera}/"): reached.folded_us - 24 * HOUR for camera, reached in progress.items()}
    places = watched_places(rules, progress, {("p", ""): 0} | marks, {"p": 24 * HOUR}, DAY + 400 * 24 * HOUR)
    groups = read_together(places)
    assert [[place.place.cameras[0] for place in group] for group in groups] == [["old"], ["near", "cam"]]
    assert [place.over for group in groups for place in group] == [True, False, False]


def _as_known(
    episodes: Iterable[Episode], stretches: Iterable[Stretch], until_us: int, rules: SiteSettings
) -> tuple[list[Episode], list[Stretch]]:
    """Return what a ledger holds once frames up to a moment are folded."""
    lanes = {rule.tool: rule for rule in rules.tools}
    visible = []
    for episode in episodes:
        lane = lanes[episode.tool]
        if episode.start_us + lane.min_on_s * S > until_us:
            continue
        is_open = episode.end_us + lane.max_gap_s * S > until_us
        end_us = min(episode.end_us, until_us)
        cut = replace(episode, end_us=end_us, state=EpisodeState.OPEN, reason=None)
        visible.append(cut if is_open else episode)
    clipped = [
        replace(stretch, end_us=min(stretch.end_us, until_us)) for stretch in stretches if stretch.start_us < until_us
    ]
    return visible, clipped


@given(number=st.integers(0, 40), shares=st.lists(st.floats(0.01, 1.1), max_size=8), blind=st.booleans())
@effort(max_examples=8, deadline=None)
def test_however_often_somebody_looks_the_same_executions_are_told_once(
    number: int, shares: list[float], blind: bool
) -> None:
    bench = make_procedure_bench(BenchSplit.TRAIN, number, executions=8, blind=0.5 if blind else 0.0)
    begins_us, lasts_us = bench.stretches[0].start_us, bench.until_us - bench.stretches[0].start_us
    camera = bench.stretches[0].stream.camera

    def run(moments: list[int]) -> list[tuple[int, list[str]]]:
        marks: Marks = {}
        alerts: list[tuple[int, list[str]]] = []
        for moment_us in [*moments, bench.until_us]:
            episodes, stretches = _as_known(bench.episodes, bench.stretches, moment_us, bench.settings)
            progress = {camera: CameraProgress(moment_us, 0, ended=False)}
            alerts += look(bench.settings, progress, episodes, stretches, marks)
        return alerts

    once = run([])
    assert run(sorted(begins_us + round(share * lasts_us) for share in shares if share <= 1)) == once
    judged = judge_executions(bench.settings, SITE, bench.episodes, bench.stretches, bench.until_us)
    deviating = [
        (execution.execution.start_us, [verdict.value for verdict in execution.judgement.deviations])
        for execution in judged
        if execution.outcome is ExecutionOutcome.DEVIATING
    ]
    assert once == deviating[: len(once)]
    assert len(once) >= len(deviating) - 1


@pytest.mark.parametrize("execution", ["{during: part}", "{gap_s: 60}", "{begins: A, ends: C, gap_s: 60}"])
def test_a_use_under_way_is_waited_for(execution: str) -> None:
    uses = [use("part", 0, 30), use("a", 1, 5), use("c", 10, 29, reason=None)]
    assert deviations_told(site(execution), uses, 31) == []
