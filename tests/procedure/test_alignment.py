"""Alignments: the fewest deviations, the same ones in every process, and pm4py only where it is needed."""

import random
import shutil
import subprocess
import sys

import pytest

from raypp.procedure.alignment import Aligner, LabelledUse
from raypp.procedure.prescription import Due, Prescription
from raypp.usage.procedure_rules import ProcedureRules
from tests.procedure.orders import distance, orders, random_procedure, random_uses


def _prescription(*steps: dict[str, object]) -> Prescription:
    return Prescription(ProcedureRules.model_validate({"name": "p", "execution": {"gap_s": 60.0}, "steps": steps}))


def _step(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "tools": (name,), **more}


def test_the_import_of_pm4py_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    Aligner(_prescription(_step("a"))).align([LabelledUse(0)])
    assert capfd.readouterr() == ("", "")


def test_the_first_process_of_a_container_which_sees_no_parent_aligns() -> None:
    first = [shutil.which("unshare"), "--map-root-user", "--pid", "--fork"]
    if first[0] is None or subprocess.run([*first, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare, and namespaces of users and processes")
    code = (
        "import os; from raypp.procedure.alignment import _load; assert os.getppid() == 0; _load(); print(os.getppid())"
    )
    done = subprocess.run([*first, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_no_other_module_imports_pm4py() -> None:
    code = "import sys, raypp.procedure.judging, raypp.cli.app; sys.exit('pm4py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_costs_are_the_fewest_deviations_there_can_be() -> None:
    rng = random.Random(11)
    for _ in range(40):
        prescription = Prescription(random_procedure(rng, most=6))
        allowed, aligner = orders(prescription), Aligner(prescription)
        for _ in range(3):
            uses = random_uses(rng, allowed, prescription)
            alignment = aligner.align([LabelledUse(label, rng.random() < 0.8) for label in uses])
            assert alignment.cost == distance(tuple(uses), allowed)
            assert [alignment.steps.count(due) for due in set(alignment.steps) - {None}] == [1] * len(
                set(alignment.steps) - {None}
            )


def test_of_equally_good_alignments_it_is_always_the_same() -> None:
    prescription = _prescription(*(_step(name) for name in "abcdef"))
    swapped = [LabelledUse(label) for label in (0, 2, 1, 4, 3, 5)]
    assert len({Aligner(prescription).align(swapped) for _ in range(12)}) == 1


def test_of_two_uses_of_a_step_the_one_that_lasts_well_is_it() -> None:
    prescription = _prescription(_step("a"), _step("b"))
    first, last, both = (
        Aligner(prescription).align([LabelledUse(0, well), LabelledUse(0, other_well), LabelledUse(1)]).steps
        for well, other_well in ((False, True), (True, False), (True, True))
    )
    assert first == (None, Due(0, 0), Due(1, 0))
    assert last == both == (Due(0, 0), None, Due(1, 0))


def test_of_a_choice_what_was_done_at_the_wrong_place_is_left_out() -> None:
    prescription = _prescription(_step("a"), {"one_of": (_step("b"), _step("c"))}, _step("d"))
    for label in (1, 2):
        alignment = Aligner(prescription).align([LabelledUse(0), LabelledUse(3), LabelledUse(label)])
        assert alignment.left_out == (Due(label, 0),)


def test_twelve_steps_in_any_order_and_400_uses_are_aligned() -> None:
    names = [f"s{number}" for number in range(12)]
    prescription = _prescription({"any_order": tuple(_step(name) for name in names)})
    alignment = Aligner(prescription).align([LabelledUse(number % 12) for number in range(400)])
    assert alignment.cost == 388
    assert alignment.steps[:12] == tuple(Due(number, 0) for number in range(12))
