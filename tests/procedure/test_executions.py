"""How executions begin and end: a part on a fixture, a first and a last step, a pause, a shift; and where."""

from raypp.procedure.verdict import ExecutionOutcome
from raypp.usage.episode import CloseReason
from tests.procedure.written import DAY, S, judged, seen, settings, use, words

_STEPS = "steps: [{name: A, tools: [a]}, {name: B, tools: [b]}, {name: C, tools: [c]}]"


def _settings(execution: str, fields: str = "", **site: object) -> object:
    return settings(f"  - {{name: p, execution: {execution}, {fields}{_STEPS}}}\n", **site)  # type: ignore[arg-type]


def _times(site: object, uses: list[object], **more: object) -> list[tuple[float, float, str]]:
    executions = judged(site, uses, **more)  # type: ignore[arg-type]
    return [
        (
            (execution.execution.start_us - DAY) / S,
            (execution.execution.end_us - DAY) / S,
            " ".join(step.tool for step in execution.execution.uses),
        )
        for execution in executions
    ]


def test_a_part_on_the_fixture_is_one_execution() -> None:
    site = _settings("{during: part}")
    uses = [
        use("a", -5, -1),
        use("part", 0, 50),
        use("a", 1, 5),
        use("b", 44, 53),
        use("part", 60, 90),
        use("c", 57, 61),
    ]
    assert _times(site, uses) == [(0, 50, "a b"), (60, 90, "")]


def test_a_part_that_was_not_seen_for_a_while_is_one() -> None:
    site = _settings("{during: part}")
    parts = [use("part", 0, 20, reason=CloseReason.NOT_OBSERVED), use("part", 35, 50)]
    uses = [*parts, use("a", 1, 5), use("c", 40, 45)]
    assert _times(site, uses, stretches=seen(3600, (20, 35))) == [(0, 50, "a c")]
    assert _times(site, uses, stretches=seen(3600, (20, 30))) == [(0, 20, "a"), (35, 50, "c")]


def test_a_pause_parts_executions() -> None:
    uses = [use("a", 0, 5), use("b", 14, 20), use("stranger", 16, 17), use("b", 31, 40), use("stranger", 60, 70)]
    assert _times(_settings("{gap_s: 10}"), uses) == [(0, 20, "a b stranger"), (31, 40, "b")]


def test_a_first_and_a_last_step_bound_an_execution() -> None:
    site = _settings("{begins: A, ends: C}")
    uses = [use("a", 0, 5), use("b", 6, 9), use("c", 10, 12), use("a", 40, 45), use("c", 50, 52), use("c", 53, 54)]
    assert _times(site, uses) == [(0, 12, "a b c"), (40, 54, "a c c")]


def test_a_step_outside_goes_to_the_nearer_execution_and_one_whose_beginning_was_hidden_is_its_own() -> None:
    site = _settings("{begins: A, ends: C}")
    first = [use("a", 0, 5), use("b", 6, 9), use("c", 10, 12)]
    assert _times(site, [*first, use("b", 38, 39), use("a", 40, 45), use("c", 50, 52)]) == [
        (0, 12, "a b c"),
        (38, 52, "b a c"),
    ]
    assert _times(site, [*first, use("b", 13, 14), use("a", 40, 45), use("c", 50, 52)]) == [
        (0, 14, "a b c b"),
        (40, 52, "a c"),
    ]
    hidden = judged(site, [*first, use("b", 40, 45), use("c", 50, 52)], seen(3600, (20, 40)))  # type: ignore[arg-type]
    assert words(hidden[1]) == ["A not_observed", "B done", "C done"]


def test_one_that_is_begun_anew_before_its_end_overlaps_and_is_not_guessed() -> None:
    site = _settings("{begins: A, ends: C}")
    uses = [use("a", 0, 5), use("b", 6, 9), use("a", 10, 15), use("b", 20, 25), use("c", 30, 35)]
    first, second = judged(site, uses)  # type: ignore[arg-type]
    assert (first.overlaps, second.overlaps) == ((second.execution_id,), (first.execution_id,))
    assert first.outcome is second.outcome is ExecutionOutcome.CANNOT_TELL
    assert words(first) == ["A done", "B done", "C missing"]


def test_two_procedures_at_one_place_at_one_time_overlap() -> None:
    site = settings(
        "  - {name: p, execution: {gap_s: 60}, steps: [{name: A, tools: [a]}], ignore: [b]}\n"
        "  - {name: q, execution: {gap_s: 60}, steps: [{name: B, tools: [b]}], ignore: [a]}\n"
    )
    first, second = judged(site, [use("a", 0, 10), use("b", 5, 15)])
    assert first.overlaps == (second.execution_id,)
    assert [execution.overlaps for execution in judged(site, [use("a", 0, 10), use("b", 10, 15)])] == [(), ()]


def test_each_shift_is_one_execution() -> None:
    shifts = "shifts: [{name: early, start: 06:00, end: 14:00}, {name: late, start: 14:00, end: 22:00}]\n"
    site = _settings("{shift: true}", more=shifts)
    hour = 3600
    uses = [use("a", 7 * hour, 7 * hour + 9), use("c", 13 * hour, 13 * hour + 9), use("a", 15 * hour, 15 * hour + 9)]
    executions = judged(site, uses, seen(16 * hour), until_s=16 * hour)  # type: ignore[arg-type]
    assert [(words(execution), execution.execution.open) for execution in executions] == [
        (["A done", "B missing", "C done"], False),
        (["A done", "B open", "C open"], True),
    ]


def test_executions_are_found_by_camera_and_station() -> None:
    site = _settings("{gap_s: 60}", "stations: [left, right], ", stations=("left", "right"))
    uses = [use(tool, start, start + 5, station=station) for tool, start, station in (
        ("a", 0, "left"), ("a", 3, "right"), ("b", 10, "left"), ("c", 12, "right"), ("c", 20, "left"))]  # fmt: skip
    executions = judged(site, uses)  # type: ignore[arg-type]
    assert [(execution.execution.place.station, words(execution)) for execution in executions] == [
        ("left", ["A done", "B done", "C done"]),
        ("right", ["A done", "B missing", "C done"]),
    ]
    assert [execution.overlaps for execution in executions] == [(), ()]


def test_cameras_see_executions_of_their_own_unless_they_see_one_place_together() -> None:
    uses = [use("a", 0, 5), use("b", 6, 9, camera="other"), use("b", 6, 8), use("c", 10, 12, camera="other")]
    both = [*seen(3600), *seen(3600, camera="other")]
    assert _times(_settings("{gap_s: 60}"), uses, stretches=both) == [(0, 8, "a b"), (6, 12, "b c")]
    together = _settings("{gap_s: 60}", "cameras: [cam, other], together: true, ")
    (execution,) = judged(together, uses, both)  # type: ignore[arg-type]
    assert words(execution) == ["A done", "B done", "C done"]
    (execution,) = judged(together, [uses[0], uses[3]], [*seen(3600, (5, 10)), *seen(3600, camera="other")])  # type: ignore[arg-type]
    assert words(execution)[1] == "B not_observed"


def test_an_execution_keeps_its_id_while_it_grows() -> None:
    site = _settings("{gap_s: 60}")
    uses = [use("a", 0, 5), use("b", 6, 9), use("c", 10, 12)]
    ids = {judged(site, uses[:count], until_s=10 * count)[0].execution_id for count in (1, 2, 3)}  # type: ignore[arg-type]
    assert len(ids) == 1
    again = judged(site, reversed(uses))[0]  # type: ignore[arg-type]
    assert again == judged(site, uses)[0]  # type: ignore[arg-type]
