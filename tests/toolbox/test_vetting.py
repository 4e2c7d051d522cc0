"""What leaves: declared columns, rounded, sorted, without small cells; and how many bits that may be."""

from decimal import Decimal
from itertools import product
from math import ceil, log2
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.sandbox.run import SandboxOutcome
from raypp.toolbox.bits import bit_lines, run_bits
from raypp.toolbox.manifest import NamesOf, NumberRange, ToolManifest
from raypp.toolbox.rules import Rule
from raypp.toolbox.vetting import BrokenRuleError, vet
from tests.toolbox.tools import TABLE, manifest

_NAMES = {NamesOf.CAMERAS: frozenset({"gate", "bench"})}


def _manifest(**columns: object) -> ToolManifest:
    table = TABLE | {"columns": TABLE["columns"] | columns}
    return ToolManifest.model_validate(manifest(writes={"t": table}))


def _outcome(content: str | bytes = "", **changes: object) -> SandboxOutcome:
    data = content.encode() if isinstance(content, str) else content
    values = {"ended": 0, "files": {"t.csv": data}, "unfit": {}, "undeclared": 0, "messages": b"", "seconds": 1.0}
    return SandboxOutcome(**(values | {"unbounded": ()} | changes))


def _left(content: str, declared: ToolManifest | None = None, least_cell: int = 0) -> tuple[tuple[str, ...], ...]:
    return vet(_outcome(content), declared or _manifest(), _NAMES, least_cell)["t"].rows


def test_numbers_are_rounded_to_their_step_and_rows_are_sorted():
    declared = _manifest(mean={"least": -1, "most": 1, "step": 0.25})
    content = "code,n,mean\nb,7,0.1249999\na,5.4999,-0.126\nb,5,1\n"
    assert _left(content, declared) == (("a", "5", "-0.25"), ("b", "5", "1"), ("b", "7", "0"))
    assert _left("code,n\r\na,3\r\n") == (("a", "3"),)
    assert _left("code,n\na,1e1\n") == (("a", "10"),)
    assert _left("code,n\na,-0.0\n") == (("a", "0"),)


def test_small_cells_stay_inside():
    table = vet(_outcome("code,n\na,9.6\na,9\nb,40\n"), _manifest(), {}, 10)["t"]
    assert (table.rows, table.small) == ((("a", "10"), ("b", "40")), 1)


def test_names_are_those_of_the_data():
    declared = _manifest(camera={"names": "cameras"})
    assert _left("code,n,camera\na,1,gate\n", declared) == (("a", "1", "gate"),)
    with pytest.raises(BrokenRuleError) as caught:
        _left("code,n,camera\na,1,Gate\n", declared)
    assert caught.value.rule is Rule.VALUES


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", Rule.FORM),
        ("code,n,more\na,1,1\n", Rule.FORM),
        ("n,code\n1,a\n", Rule.FORM),
        ("code,n\na\n", Rule.FORM),
        ("code,n\na,1,2\n", Rule.FORM),
        (b"code,n\n\xff,1\n", Rule.FORM),
        ('code,n\n"a,1\n', Rule.FORM),
        ("code,n\n" + "a,1\n" * 6, Rule.ROWS),
        ("code,n\nc,1\n", Rule.VALUES),
        ("code,n\nA,1\n", Rule.VALUES),
        ("code,n\n a,1\n", Rule.VALUES),
        ("code,n\na,101\n", Rule.VALUES),
        ("code,n\na,-1\n", Rule.VALUES),
        ("code,n\na,nan\n", Rule.VALUES),
        ("code,n\na,inf\n", Rule.VALUES),
        ("code,n\na,1_0\n", Rule.VALUES),
        ("code,n\na,\n", Rule.VALUES),
        ("code,n\na,1e999\n", Rule.VALUES),
        ("code,n\na," + "9" * 5000 + "\n", Rule.VALUES),
    ],
)
def test_what_is_not_as_declared_is_refused_by_its_rule(content: str | bytes, rule: Rule):
    with pytest.raises(BrokenRuleError) as caught:
        vet(_outcome(content), _manifest(), _NAMES, 0)
    assert caught.value.rule is rule


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"ended": None}, Rule.ENDED_BADLY),
        ({"ended": 1}, Rule.ENDED_BADLY),
        ({"ended": -9}, Rule.ENDED_BADLY),
        ({"undeclared": 1}, Rule.FILES),
        ({"files": {}}, Rule.FILES),
        ({"files": {}, "unfit": {"t.csv": "link"}}, Rule.FILES),
    ],
)
def test_a_run_that_went_wrong_lets_nothing_out(changes: dict[str, object], rule: Rule):
    with pytest.raises(BrokenRuleError) as caught:
        vet(_outcome("code,n\na,1\n", **changes), _manifest(), _NAMES, 0)
    assert caught.value.rule is rule


def test_bits_are_rows_times_the_logarithms_of_levels():
    declared = _manifest(camera={"names": "cameras"}, mean={"least": 0, "most": 1, "step": 0.25})
    wanted = 5 * (log2(2) + log2(101) + log2(3) + log2(5)) + log2(6) + log2(6)
    assert run_bits(declared, {NamesOf.CAMERAS: 3}) == ceil(wanted)
    lines = list(bit_lines(declared, {NamesOf.CAMERAS: 3}))
    assert lines[0].startswith("t: 5 rows x (log2(2) + log2(101) + log2(3) + log2(5)) + log2(6) = ")
    assert lines[-1] == f"in all, with ok or refused by one of 5 rules: {ceil(wanted)} bits"


def test_no_tool_can_give_more_different_outputs_than_the_bits_say():
    """All tables of at most two rows, of two codes and four numbers."""
    declared = _manifest(n={"least": 0, "most": 3, "step": 1})
    table = declared.writes["t"].model_copy(update={"rows": 2})
    declared = declared.model_copy(update={"writes": {"t": table}})
    lines = [f"{code},{number}\n" for code, number in product("ab", range(4))]
    contents = ["", *lines, *map("".join, product(lines, lines))]
    left = {_left(f"code,n\n{content}", declared) for content in contents}
    assert len(left) == 1 + 8 + 36  # their order tells nothing
    assert len(left) + len(Rule) <= 2 ** run_bits(declared, {})


@settings(deadline=None)
@given(st.decimals(-3, 8, places=6), st.sampled_from(["0.1", "0.25", "1", "3"]))
def test_rounding_gives_the_nearest_step_within_the_range(value: Decimal, step: str):
    kind = NumberRange(least=Decimal(-2), most=Decimal("7.3"), step=Decimal(step))
    rounded = kind.rounded(value)
    if not kind.least <= value <= kind.most:
        assert rounded is None
        return
    assert rounded is not None
    index = (rounded - kind.least) / kind.step
    assert index == int(index)
    assert 0 <= index < kind.levels
    top = kind.least + (kind.levels - 1) * kind.step
    assert abs(rounded - value) <= kind.step / 2 or (rounded == top and value > top)


def test_the_example_is_a_tool():
    from raypp.toolbox.package import pack_folder
    from tests.command import ROOT

    package = pack_folder(Path(ROOT) / "examples" / "tools" / "tool-uses")
    assert package.manifest.label == "tool-uses 1.0"
