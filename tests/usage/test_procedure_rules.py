"""Procedures in a site's settings: read as people write them; what is wrong is said in a line."""

import pytest

from raypp.errors import SettingsError
from raypp.usage.procedure_rules import GroupRules, StepRules, may_lack, steps_of
from raypp.usage.settings import SiteSettings

_SITE = """
shifts: [{name: early, start: 06:00, end: 14:00}]
cameras:
  cam: {stations: {bench: [[0, 0], [1, 0], [1, 1]], rack: [[0, 0], [1, 0], [0, 1]]}}
tools:
  - {class: a}
  - {class: b}
  - {class: c, stations: [bench]}
  - {class: d, stations: ["*"]}
  - {class: part}
"""
_PROCEDURE = """
procedures:
  - name: p
    execution: {begins: A, ends: D, gap_s: 60}
    steps:
      - {name: A, tools: [a], min_s: 2, max_s: 9}
      - any_order:
          - {name: B, tools: [b], repeat: [1, 3]}
          - {sequence: [{name: C, tools: [c], station: bench}, {name: C2, tools: [d], station: rack}], optional: true}
      - {name: D, tools: [part]}
"""


def _with(old: str, new: str) -> str:
    assert old in _PROCEDURE
    return _SITE + _PROCEDURE.replace(old, new)


def test_steps_and_groups_are_read_in_their_order() -> None:
    (procedure,) = SiteSettings.parse(_SITE + _PROCEDURE, "f").procedures
    assert [step.name for step in steps_of(procedure.steps)] == ["A", "B", "C", "C2", "D"]
    first, group, last = procedure.steps
    assert isinstance(first, StepRules)
    assert isinstance(group, GroupRules)
    assert group.any_order is not None
    assert [may_lack(part) for part in (first, group, last)] == [False, False, False]
    assert may_lack(procedure.whole, "C")
    assert not may_lack(procedure.whole, "D")


def test_procedures_change_nothing_that_is_folded() -> None:
    plain, with_one = SiteSettings.parse(_SITE, "f"), SiteSettings.parse(_SITE + _PROCEDURE, "f")
    assert plain.settings_id == with_one.settings_id


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tools: [b]", "tools: [bb]", "procedure p: step B: no rule of tools is named bb; did you mean b?"),
        ("min_s: 2, max_s: 9", "min_s: 9, max_s: 2", "1st (A): min_s 9 is above max_s 2; swap them, or leave one out"),
        ("name: C2", "name: A", "step A stands twice; give each a name of its own"),
        (
            "begins: A, ends: D, gap_s: 60",
            "begins: A",
            "execution can never end; add `ends`, its last step, or gap_s",
        ),
        ("ends: D, gap_s: 60", "ends: C", "can never end where step C is left out; add gap_s to `execution`"),
        ("ends: D, gap_s: 60", "ends: Z", "`execution` names no step Z; steps: A, B, C, C2, D"),
        ("begins: A, ends: D, gap_s: 60", "shift: true, during: part", "execution needs one of `during`, `begins`"),
        (
            "begins: A, ends: D, gap_s: 60",
            "during: parts",
            "execution: no rule of tools is named parts; did you mean part?",
        ),
        ("[part]}", "[a]}", "step A cannot be told apart as the edge of an execution"),
        ("tools: [d], station: rack", "tools: [b]", "steps B and C2 cannot be told apart: the same tools, and no step"),
        (
            "tools: [d], station: rack",
            "tools: [b, d]",
            "steps B and C2 cannot be told apart: they share a tool but not all",
        ),
        ("station: rack", "station: racks", "step C2: none of its cameras has a station racks; known: bench, rack"),
        ("[c], station: bench", "[c], station: rack", "step C: c is not watched at station rack"),
        ("name: p\n", "name: p\n    stations: [bench]\n", "step A: a is not watched at station bench"),
        ("name: p\n", "name: p\n    max_pause_s: 60\n", "max_pause_s 60 is never reached: a pause of gap_s 60 ends"),
        (
            "name: p\n",
            "name: p\n    ignore: [b]\n",
            "step B has a tool that `ignore` names; take it out of one of them",
        ),
        ("name: p\n", "name: p\n    together: true\n    cameras: [cam]\n", "`together` needs several cameras"),
        ("repeat: [1, 3]", "repeat: [3, 1]", "`repeat` needs the least number first"),
        ("repeat: [1, 3]", "repeat: [1, 12]", "any_order has 14 steps, counted with their repeats; at most 12"),
        ("any_order:", "any_oder:", "any_oder is not known; did you mean any_order?"),
        ("optional: true", "one_of: []", "one_of must have at least 1 item"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        SiteSettings.parse(_with(old, new), "f")
    assert words in str(raised.value)


def test_two_of_one_name_and_shifts_that_are_not_there_are_said() -> None:
    with pytest.raises(SettingsError, match="procedure p stands twice"):
        SiteSettings.parse(_SITE + _PROCEDURE + _PROCEDURE.replace("procedures:\n", ""), "f")
    text = _with("begins: A, ends: D, gap_s: 60", "shift: true")
    assert SiteSettings.parse(text, "f").procedures
    with pytest.raises(SettingsError, match="`shift` needs `shifts` of the site; there are none"):
        SiteSettings.parse(text.replace("shifts: [{name: early, start: 06:00, end: 14:00}]", ""), "f")


def test_a_tool_may_be_two_steps_where_another_must_come_between() -> None:
    text = (
        _SITE
        + """
procedures:
  - name: p
    execution: {gap_s: 60}
    steps: [{name: wipe, tools: [a]}, {sequence: [{name: glue, tools: [b]}, {name: wipe again, tools: [a]}]}]
"""
    )
    assert SiteSettings.parse(text, "f").procedures
    with pytest.raises(SettingsError, match="steps wipe and wipe again cannot be told apart"):
        SiteSettings.parse(text.replace("tools: [b]", "tools: [b], optional: true"), "f")
