"""Orders that a procedure allows: counted as they are when all are listed; and what `raypp procedure check` prints."""

import random
from pathlib import Path

import pytest

from raypp.procedure.orders import count_orders, example_order
from raypp.procedure.prescription import Prescription
from raypp.usage.procedure_rules import ProcedureRules
from tests.command import raypp, succeed
from tests.procedure.orders import orders, random_procedure

_DOCS = Path(__file__).parents[2] / "docs"


def test_orders_are_as_many_as_there_are_when_all_are_listed() -> None:
    rng = random.Random(5)
    for _ in range(60):
        rules = random_procedure(rng, most=6)
        prescription = Prescription(rules)
        allowed = orders(prescription)
        assert count_orders(rules) == len(allowed)
        example = tuple(prescription.labels[prescription.number(name)] for name in example_order(rules))
        assert example in allowed


def test_an_optional_step_that_is_repeated_is_done_often_enough_or_not_at_all() -> None:
    step = {"name": "a", "tools": ("a",), "repeat": (2, 3), "optional": True}
    rules = ProcedureRules.model_validate({"name": "p", "execution": {"gap_s": 60.0}, "steps": (step,)})
    assert count_orders(rules) == 3


def test_the_command_prints_what_the_how_to_shows(tmp_path: Path) -> None:
    example = (_DOCS / "reference" / "procedures.md").read_text().split("```yaml\n")[1].split("```")[0]
    shown = (_DOCS / "how-to" / "procedures.md").read_text().split("```text\n")[1].split("```")[0]
    (tmp_path / "settings.yaml").write_text(example)
    assert succeed("procedure", "check", str(tmp_path / "settings.yaml")).stdout == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tools: [{class: a}]", "has no procedures; add `procedures`"),
        (
            "procedures: [{name: p, execution: {gap_s: 9}, steps: [{name: A, tools: [a]}]}]",
            "no rule of tools is named a",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    done = raypp("procedure", "check", str(tmp_path / "settings.yaml"))
    assert done.returncode == 1
    assert words in done.stderr
