"""Zones and equipment in the settings: what is refused and how, and when their rules count."""

from pathlib import Path

import pytest

from raypp.demo.yard.figure import CLASSES as YARD_CLASSES
from raypp.errors import SettingsError
from raypp.usage.episode import StreamName
from raypp.usage.equipment import Equipment, PeopleRules
from raypp.usage.fold import Fold
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.rules import Zone
from raypp.usage.settings import SiteSettings
from tests.usage.yards import person

_SQUARE = "[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]"
_HELMET = "equipment: [{item: helmet, on: head, yes: [helmet], no: [no_helmet]}]\n"
_STREAM = StreamName("site-a", "gate", 1)


def _zones(text: str, *, more: str = "") -> str:
    return f"{more}cameras: {{gate: {{zones: {{{text}}}}}}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            _zones(f"a: {{polygon: {_SQUARE}, alone: true}}, b: {{polygon: {_SQUARE}, alone: true}}"),
            "zones a and b overlap, and both have `alone`; draw them apart, or make one zone of them",
        ),
        (
            _zones(
                "a: {polygon: [[0, 0], [0.6, 0], [0.6, 0.6], [0, 0.6]], forbidden: true}, "
                "b: {polygon: [[0.5, 0.5], [1, 0.5], [1, 1], [0.5, 1]], forbidden: true}"
            ),
            "zones a and b overlap, and both have `forbidden`",
        ),
        (_zones("a: {forbidden: true}"), "polygon is missing"),
        (_zones(f"a: {{polygon: {_SQUARE}}}"), "has no rule; give it `require`, `forbidden`"),
        (_zones(f"a: {{polygon: {_SQUARE}, forbidden: true, alone: true}}"), "is forbidden, so it has no other rule"),
        (_zones(f"a: {{polygon: {_SQUARE}, require: [helmet]}}"), "zone a: there is no item helmet; known: none"),
        (
            _zones(f"a: {{polygon: {_SQUARE}, require: [helmet, helmet]}}", more=_HELMET),
            "item helmet stands twice",
        ),
        (
            _zones(f"a: {{polygon: {_SQUARE}, alone: true, shifts: [night]}}"),
            "camera gate, zone a: there is no shift night; known: none",
        ),
        (
            _zones(f"a: {{polygon: {_SQUARE}, alone: true, grace_s: 121}}"),
            "camera gate, zone a: grace_s 121 is longer than reap_after_s 120",
        ),
        ("equipment: [{item: helmet, on: head}]", "equipment, 1st: has no class; name in `yes` what"),
        ("equipment: [{item: helmet, on: foot, yes: [h]}]", "must be 'head', 'eyes', 'torso', 'hands' or 'feet'"),
        ("equipment: [{item: helmet, on: head, yes: [h], no: [h]}]", "class h stands twice"),
        ("equipment: [{item: helmet, on: head, yes: [h], count: 2}]", "`count: 2` is for hands and feet"),
        ("equipment: [{item: helmet, on: head, yes: [h], min_cells: 90}]", "helmet: min_cells 90 is more than"),
        (
            "equipment: [{item: h, on: head, yes: [h]}, {item: h, on: head, yes: [g]}]",
            "item h stands twice",
        ),
    ],
)  # fmt: skip
def test_bad_settings_get_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        SiteSettings.parse(text, "test")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_class_that_the_model_lacks_is_named() -> None:
    settings = SiteSettings.parse(_zones(f"a: {{polygon: {_SQUARE}, require: [helmet]}}", more=_HELMET), "test")
    with pytest.raises(SettingsError, match=r"equipment, 1st \(helmet\): there is no class no_helmet; did you mean"):
        Fold(settings, _STREAM, ("person", "helmet"))
    nobody = SiteSettings.parse(_zones(f"a: {{polygon: {_SQUARE}, forbidden: true}}"), "test")
    with pytest.raises(SettingsError, match="camera gate has zones, but no class shows people"):
        Fold(nobody, _STREAM, ("hammer",))


def test_zones_may_touch_and_those_of_other_rules_overlap() -> None:
    beside = "[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]"
    SiteSettings.parse(
        _zones(
            f"a: {{polygon: {_SQUARE}, forbidden: true}}, b: {{polygon: {beside}, forbidden: true}}, "
            f"c: {{polygon: {_SQUARE}, alone: true}}"
        ),
        "test",
    )


def test_settings_without_the_new_keys_keep_their_name() -> None:
    known = "9dec70ce9ae2a9722b4bea7a2ec487289a9fed4b41b76ce6835fbd88b6d75608"
    assert SiteSettings.default().settings_id == known
    assert SiteSettings.parse("equipment: []\ncameras: {}", "test").settings_id == known
    assert SiteSettings.parse(_HELMET, "test").settings_id != known


def test_classes_of_people_and_equipment_are_no_tools() -> None:
    settings = SiteSettings.parse(_zones(f"a: {{polygon: {_SQUARE}, require: [helmet]}}", more=_HELMET), "test")
    fold = Fold(settings, _STREAM, ("hammer", "person", "helmet", "no_helmet"))
    assert [lane.tool for lane in fold.begin().lanes] == ["hammer"]


def _violations(text: str, frames: list[list[Detection]], *, classes: tuple[str, ...] = YARD_CLASSES) -> list[tuple]:
    fold = Fold(SiteSettings.parse("max_lateness_s: 0\n" + text, "test"), _STREAM, classes)
    seen = [
        SeenFrame(index, index * 500_000, Observation.OBSERVED, tuple(detections))
        for index, detections in enumerate(frames)
    ]
    _, changes = fold.advance(fold.begin(), seen)
    return [
        (violation.kind.name, violation.item, violation.start_us / 1e6, violation.end_us / 1e6)
        for violation in sorted(changes.violations, key=lambda violation: (violation.start_us, violation.kind))
    ]


def test_a_violation_begins_when_the_grace_is_over_and_the_change_is_dated_back() -> None:
    text = _HELMET + _zones(f"a: {{polygon: {_SQUARE}, require: [helmet], grace_s: 2, min_s: 1}}")
    worn, bare = person(0.3, 0.8, head="helmet"), person(0.3, 0.8, head="no_helmet")
    assert _violations(text, [worn] * 10 + [bare] * 14 + [worn] * 12) == [("NOT_WORN", "helmet", 7.0, 12.0)]
    assert _violations(text, [worn] * 10 + [bare] * 5 + [worn] * 12) == []  # within grace and least time
    assert _violations(text, [worn] * 10 + [person(0.3, 0.8)] * 20) == []  # hidden is no violation
    outside = [person(0.8, 0.8, head="no_helmet")] * 30
    assert _violations(text, outside) == []


def test_forbidden_crowded_and_lonely_zones() -> None:
    forbidden = _zones(f"a: {{polygon: {_SQUARE}, forbidden: true, grace_s: 1}}")
    assert _violations(forbidden, [person(0.3, 0.8)] * 10 + [person(0.8, 0.8)] * 8) == [("FORBIDDEN", "", 1.0, 5.0)]
    both = person(0.15, 0.8) + person(0.35, 0.8)
    most = _zones(f"a: {{polygon: {_SQUARE}, most_people: 1, grace_s: 0}}")
    assert _violations(most, [both] * 8 + [person(0.15, 0.8)] * 20) == [("MOST_PEOPLE", "", 0.0, 4.0)]
    alone = _zones(f"a: {{polygon: {_SQUARE}, alone: true, grace_s: 0}}")
    assert _violations(alone, [both] * 8 + [person(0.15, 0.8)] * 20) == [("ALONE", "", 4.0, 13.0)]


def test_rules_count_in_their_shifts_alone() -> None:
    text = "shifts: [{name: early, start: 00:00, end: 00:00:05}]\n" + _zones(
        f"a: {{polygon: {_SQUARE}, forbidden: true, grace_s: 1, shifts: [early]}}"
    )
    assert _violations(text, [person(0.3, 0.8)] * 30) == [("FORBIDDEN", "", 1.0, 5.0)]


def test_heads_and_vests_stand_for_people_where_no_class_does() -> None:
    classes = "helmet", "no_helmet", "vest", "no_vest"
    text = (
        "equipment:\n  - {item: helmet, on: head, yes: [helmet], no: [no_helmet]}\n"
        "  - {item: vest, on: torso, yes: [vest], no: [no_vest]}\n"
        + _zones("a: {polygon: [[0, 0], [1, 0], [1, 1], [0, 1]], require: [helmet, vest], grace_s: 1}")
    )
    head = Detection(1, 0.9, 0.48, 0.2, 0.52, 0.28)
    vest = Detection(2, 0.9, 0.46, 0.3, 0.54, 0.5)
    other = Detection(3, 0.9, 0.76, 0.3, 0.84, 0.5)  # somebody whose head is hidden
    assert _violations(text, [[head, vest, other]] * 20, classes=classes) == [
        ("NOT_WORN", "helmet", 1.0, 9.0),
        ("NOT_WORN", "vest", 1.0, 9.0),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_the_guide_are_read_and_fit_a_model(number: int) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "safety-equipment.md").read_text()
    settings = SiteSettings.parse(page.split("```yaml\n")[1 + number].split("```")[0], "the guide")
    classes = ("person", *dict.fromkeys(name for worn in settings.equipment for name in worn.classes))
    for camera, rules in settings.cameras.items():
        people = Fold(settings, StreamName("site-a", camera, 1), classes).begin().people
        assert people.zones == tuple(rules.zones)
    assert {kind for rules in settings.cameras.values() for zone in rules.zones.values() for kind in zone.kinds} >= {
        "require",
        "forbidden",
    }


def test_the_reference_knows_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "zones.md").read_text()
    for model in (Zone, Equipment, PeopleRules):
        assert [name for name in model.model_fields if f"`{name}`" not in page] == []
