"""Settings of a site: read as people write them, strict, and errors that say what to do."""

from datetime import time
from pathlib import Path

import pytest

from raypp.demo.site_settings import sample_site_settings
from raypp.demo.workshop.tools import CLASSES
from raypp.errors import SettingsError
from raypp.usage.rules import Day, Mode, ToolRules
from raypp.usage.settings import SiteSettings

_FULL = """
site: plant-7
time_zone: Europe/Berlin
shifts:
  - {name: early, start: 6:00, end: 14:00, days: [mon, tue, wed, thu, fri]}
  - {name: night, start: 22:00, end: 06:00}
cameras:
  bench-1:
    aspect: 1.5
    stations:
      rack: [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]
      no: [[0.5, 0.5], [1, 0.5], [1, 1]]
tools:
  - {class: hammer, mode: absent, stations: [rack], min_on_s: 2, max_gap_s: 5}
  - {class: on, name: y, mode: in_hand, near: [hand], stations: ["*"]}
  - {class: helmet, mode: worn, near: [person], reach: 0}
max_frame_gap_s: 3
"""


def test_a_full_file_is_read_as_it_is_written() -> None:
    read = SiteSettings.parse(_FULL, "f")
    assert read.time_zone == "Europe/Berlin"
    assert (read.shifts[0].start, read.shifts[0].end) == (time(6), time(14))
    assert read.shifts[0].days == (Day.MONDAY, Day.TUESDAY, Day.WEDNESDAY, Day.THURSDAY, Day.FRIDAY)
    assert (read.shifts[1].start, read.shifts[1].days) == (time(22), tuple(Day))
    assert set(read.cameras["bench-1"].stations) == {"rack", "no"}
    assert [tool.tool for tool in read.tools] == ["hammer", "y", "helmet"]
    assert [tool.class_name for tool in read.tools] == ["hammer", "on", "helmet"]
    assert (read.tools[0].mode, read.tools[0].min_on_s, read.tools[0].min_confidence) == (Mode.ABSENT, 2.0, 0.25)
    assert (read.max_frame_gap_s, read.max_lateness_s) == (3.0, 1.0)


def test_the_same_meaning_has_the_same_id_and_another_has_another() -> None:
    settings = SiteSettings.parse("tools: [{class: saw}]", "f")
    same = SiteSettings.parse("time_zone: 'UTC'\ntools:\n- class: saw\n  max_gap_s: 2\n", "g")
    other = SiteSettings.parse("tools: [{class: saw, max_gap_s: 2.5}]", "f")
    assert settings.settings_id == same.settings_id != other.settings_id
    assert len(settings.settings_id) == 64
    assert SiteSettings.parse("", "f").settings_id == SiteSettings.default().settings_id


def test_without_tools_every_class_counts_while_present() -> None:
    rules = SiteSettings.default().rules_for(["a", "b", "a"])
    assert [(rule.tool, rule.mode) for rule in rules] == [("a", Mode.PRESENT), ("b", Mode.PRESENT)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tools: [{class: a, max_gap_s: -1}]", r"f\.yaml: tools, 1st \(a\): max_gap_s must be greater.* \(got -1\)"),
        ("tools: [{class: a, mode: mowing}]", r"mode must be 'present'.*\(got 'mowing'\); did you mean moving\?"),
        ("tools: [{class: a, mode: absent}]", r"tools, 1st \(a\): mode absent needs the station"),
        ("tools: [{class: a, mode: in_hand}]", "mode in_hand needs `near`"),
        ("tools: [{class: a, near: [b]}]", "`near` and `reach` belong"),
        ("tools: [{class: a, min_shift: 0.1}]", "belong to mode moving"),
        ("tools: [{class: a, mode: worn, near: [a]}]", "own class a"),
        ("tools: [{class: a, stations: [z]}]", "no camera has a station z; known: none"),
        ("tools: [{class: a}, {class: b, name: a}]", "tool a stands twice"),
        (
            "tools: [{class: hammer, max_gap: 2}]",
            r"tools, 1st \(hammer\): max_gap is not known; did you mean max_gap_s\?",
        ),
        ("tools: [{class: a, colour: red}]", r"colour is not known; known: class, name, mode"),
        ("tool: [{class: a}]", r"f\.yaml: tool is not known; did you mean tools\?"),
        ("tools: [{name: a}]", r"tools, 1st \(a\): class is missing"),
        ("time_zone: Berlin", "time_zone is no IANA time zone.*'Berlin'"),
        ("shifts: [{name: a, start: 25:00, end: 3:00}]", r"shifts, 1st \(a\): start is no time of day.*25:00"),
        ("shifts: [{name: a, start: 5:00, end: 6:00, days: [mon, friday]}]", r"\(a\), days, 2nd: must be .*'friday'"),
        ("shifts: [{name: a, start: '5:00', end: '6:00'}, {name: a, start: '7:00', end: '8:00'}]", "shift a stands"),
        ("cameras: {c: {stations: {s: [[0, 0], [1, 1]]}}}", r"cameras, c, stations: s must have at least 3"),
        ("cameras: {c: {station: {}}}", r"cameras, c: station is not known; did you mean stations\?"),
        ("cameras: {c: {stations: {s: [[0, 0], [1, 1], [2, 0], [0, 1]]}}}", r"s, 3rd, 1st: must be .*\(got 2\)"),
        ("max_lateness_s: '3'", r"max_lateness_s must be .*\(got '3'\)"),
        ("max_frame_gap_s: .inf", "not JSON|finite"),
        ("site: a\nsite: b", r"'site' stands twice \(line 2\)"),
        ("- a", "must map names"),
        ("tools: [", "is no YAML"),
        ("a: !!python/object/apply:os.getcwd []", "is no YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        SiteSettings.parse(text, "f.yaml")
    assert str(caught.value).startswith("f.yaml")
    assert "\n" not in str(caught.value)


def test_all_that_is_wrong_is_told_at_once_a_line_each() -> None:
    text = "tools:\n- {class: hammer, max_gap: 2}\n- {class: saw, min_on_s: -1}\ntime_zon: UTC\n"
    with pytest.raises(SettingsError) as caught:
        SiteSettings.parse(text, "f.yaml")
    assert str(caught.value).splitlines() == [
        "f.yaml: 3 problems; docs/reference/rules.md lists fields and ranges",
        "  tools, 1st (hammer): max_gap is not known; did you mean max_gap_s?",
        "  tools, 2nd (saw): min_on_s must be greater than or equal to 0 (got -1)",
        "  time_zon is not known; did you mean time_zone?",
    ]


def test_a_class_that_the_model_does_not_have_is_an_error() -> None:
    read = SiteSettings.parse(_FULL, "f")
    first, second = (
        r"tools, 2nd \(y\): there is no class on; write one of hammer",
        r"\(helmet\): there is no class person",
    )
    with pytest.raises(SettingsError, match=f"settings of plant-7: .*{first}.*; tools, 3rd {second}"):
        read.rules_for(["hammer", "helmet", "hand"], "settings of plant-7")
    with pytest.raises(SettingsError, match=r"no class hamer; did you mean hammer\?"):
        SiteSettings.parse("tools: [{class: hamer}]", "f").rules_for(["saw", "hammer"])


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml .*No such file"):
        SiteSettings.load(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="UTF-8"):
        SiteSettings.load(tmp_path / "bad.yaml")


def test_the_example_of_the_documentation_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "rules.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    read = SiteSettings.parse(example, "docs/reference/rules.md")
    assert {tool.mode for tool in read.tools} == set(Mode) - {Mode.PRESENT}
    fields = {*SiteSettings.model_fields, *ToolRules.model_fields} - {"class_name"}
    assert [name for name in fields if f"`{name}`" not in page] == []


def test_the_demo_writes_settings_that_its_classes_fit() -> None:
    read = SiteSettings.parse(sample_site_settings("site-a"), "demo")
    assert read.site == "site-a"
    assert {rules.class_name for rules in read.rules_for(CLASSES)} == set(CLASSES)
