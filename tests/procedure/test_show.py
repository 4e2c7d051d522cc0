"""A procedure as BPMN, read back by pm4py, and as an image."""

import random
import re
from itertools import combinations, islice
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from raypp.procedure.bpmn import bpmn_of
from raypp.procedure.flow import flow_of
from raypp.procedure.layout import Layout, laid_out
from raypp.procedure.orders import count_orders
from raypp.procedure.prescription import Prescription
from raypp.reports.procedure_image import draw_procedure
from raypp.usage.procedure_rules import ProcedureRules
from raypp.usage.settings import SiteSettings
from tests.command import raypp, succeed
from tests.procedure.orders import orders, random_procedure

_DOCS = Path(__file__).parents[2] / "docs"
_YAML = re.findall(r"```yaml\n(.*?)```", (_DOCS / "reference/procedures.md").read_text(), re.DOTALL)[0]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The example of the reference."""
    (tmp_path / "settings.yaml").write_text(_YAML)
    return tmp_path / "settings.yaml"


def _language(path: Path) -> set[tuple[str, ...]]:
    """All sequences of names that the BPMN allows, by the Petri net that pm4py makes of it."""
    import pm4py  # takes a second, in each process that collects tests

    net, first, last = pm4py.convert_to_petri_net(pm4py.read_bpmn(str(path)))
    moves = [
        (
            transition.label,
            [arc.source.name for arc in transition.in_arcs],
            [arc.target.name for arc in transition.out_arcs],
            transition.label is None and all(len(arc.source.out_arcs) == 1 for arc in transition.in_arcs),
        )
        for transition in net.transitions
    ]
    end = tuple(sorted(place.name for place in last))
    names_allowed: set[tuple[str, ...]] = set()
    left: list[tuple[tuple[str, ...], tuple[str, ...]]] = [(tuple(sorted(place.name for place in first)), ())]
    seen = set(left)
    while left:
        marking, names = left.pop()
        if marking == end:
            names_allowed.add(names)
        possible = [move for move in moves if all(place in marking for place in move[1])]
        # a silent one that competes with no other may as well come first
        for label, taken, given, _ in next(([move] for move in possible if move[3]), possible):
            after = list(marking)
            for place in taken:
                after.remove(place)
            state = tuple(sorted(after + given)), names + ((label,) if label else ())
            if state not in seen:
                seen.add(state)
                left.append(state)
    return names_allowed


def _allowed(rules: ProcedureRules) -> set[tuple[str, ...]]:
    prescription = Prescription(rules)
    names = {label: step.name for step, label in zip(prescription.steps, prescription.labels, strict=True)}
    return {tuple(names[label] for label in order) for order in orders(prescription)}


def test_bpmn_reads_back_to_the_very_orders_that_are_allowed(tmp_path: Path) -> None:
    rng = random.Random(11)
    path = tmp_path / "procedure.bpmn"
    small = (rules for rules in iter(lambda: random_procedure(rng, 4), None) if count_orders(rules) <= 12)
    for rules in (SiteSettings.parse(_YAML, "settings").procedures[0], *islice(small, 10)):
        path.write_bytes(bpmn_of(rules))
        assert _language(path) == _allowed(rules)


def test_bpmn_has_its_drawing_and_is_the_same_each_time() -> None:
    (rules,) = SiteSettings.parse(_YAML, "settings").procedures
    content = bpmn_of(rules)
    assert content == bpmn_of(rules)
    root = ET.fromstring(content)  # noqa: S314 - our own
    space = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
    drawn = {shape.get("bpmnElement") for shape in root.iter() if shape.get("bpmnElement")} - {"process"}
    process = root.find(f"{space}process")
    assert process is not None
    assert drawn == {element.get("id") for element in process}
    tasks = [(task.get("name"), task.findtext(f"{space}documentation")) for task in root.iter(f"{space}task")]
    assert tasks[0] == ("clamp", "clamp; at most 30 s")
    assert [name for name, _ in tasks].count("drill") == 4
    assert ("deburr", "file or brush; at least 3 s") in tasks


def _layout(rules: ProcedureRules, *, exact: bool) -> Layout:
    return laid_out(flow_of(rules.whole, exact=exact), lambda _: (120.0, 60.0))


@pytest.mark.parametrize("exact", [True, False])
def test_no_two_nodes_overlap_and_each_line_goes_from_node_to_node(exact: bool) -> None:
    rng = random.Random(3)
    long = ProcedureRules.model_validate(
        {
            "name": "long",
            "execution": {"gap_s": 60.0},
            "steps": tuple({"name": f"s{number}", "tools": (f"t{number}",)} for number in range(40)),
        }
    )
    for rules in (long, *(random_procedure(rng) for _ in range(20))):
        layout = _layout(rules, exact=exact)
        for some, other in combinations(layout.nodes, 2):
            across = abs(some.x - other.x) >= (some.width + other.width) / 2
            assert across or abs(some.y - other.y) >= (some.height + other.height) / 2
        for arrow in layout.arrows:
            for number, (x, y) in ((arrow.source, arrow.points[0]), (arrow.target, arrow.points[-1])):
                node = layout.nodes[number]
                at = abs(x - node.x) * 2, abs(y - node.y) * 2
                assert at in {(node.width, 0.0), (0.0, node.height)}
            for (x, y), (next_x, next_y) in zip(arrow.points, arrow.points[1:], strict=False):
                assert x == next_x or y == next_y
        assert all(0 < node.x < layout.width and 0 < node.y < layout.height for node in layout.nodes)
    assert _layout(long, exact=exact).width < 1600


def test_the_image_says_steps_times_and_repeats_in_words() -> None:
    (rules,) = SiteSettings.parse(_YAML, "settings").procedures
    svg = draw_procedure(rules, "svg")
    assert svg == draw_procedure(rules, "svg")
    words = re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode())
    for line in ("pump housing", "clamp", "at most 30 s", "2 to 4 times", "file or brush", "screw", "bolt", "gauge"):
        assert line in words
    assert words.count("+") == words.count("×") == 2
    assert "while housing is in use at fixture; at most 600 s; no pause above 60 s" in words


def test_the_command_writes_each_kind(settings: Path, tmp_path: Path) -> None:
    for name in ("a.png", "a.svg", "a.bpmn"):
        done = succeed("procedure", "show", settings, "--out", tmp_path / name)
        assert done.stdout == f"wrote {tmp_path / name}: pump housing, 6 steps\n"
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 640
        assert len(image.convert("RGB").getcolors(100_000) or []) > 10
    import pm4py

    assert len(pm4py.read_bpmn(str(tmp_path / "a.bpmn")).get_nodes()) > 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "a.jpg"], "--out a.jpg must end in .png, .svg or .bpmn"),
        (["--out", "a.png", "--name", "pump"], "raypp: pump is no procedure of the settings; there are: pump housing"),
        (["--out", "no/where/a.png"], "--out no/where/a.png: No such file or directory"),
        (["--out", "a.png", "--from", "today"], "--from and --to choose executions; give --site, too"),
        (["--out", "a.png", "--site", "plant"], "no ledger named; give --ledger"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(settings: Path, options: list[str], words: str) -> None:
    done = raypp("procedure", "show", settings, *options)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
