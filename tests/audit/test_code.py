"""The digest of code tells programs apart that may make other rows, and no others."""

import ast
import shutil
from pathlib import Path

import pytest

import raypp
from raypp.audit.core.code import MAKES_ROWS, SHOWS_ROWS, code_digest

PACKAGE = Path(raypp.__file__).parent
CHANGES_NO_FIGURE = {"errors", "execution", "io", "key_sources", "progress", "text"}
"""Rooms that modules which make rows import, and whose source does not count: no figure comes from them."""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for room in (*MAKES_ROWS, "reports"):
        shutil.copytree(PACKAGE / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_it_is_of_the_package_wherever_that_lies(package: Path) -> None:
    assert code_digest(package) == code_digest()
    assert len(code_digest()) == 64


@pytest.mark.parametrize(
    "room",
    [
        "audit",
        "audit/attacks/identify",
        "audit/attacks/reconstruct",
        "audit/core",
        "audit/footage",
        "audit/metrics",
        "audit/recognition",
        "audit/suite",
        "audit/targets",
        "detect",
        "detect/inputs",
        "geometry",
        "media",
        "train",
        "veil",
    ],
)
def test_what_makes_rows_counts_and_so_does_a_new_module(package: Path, room: str) -> None:
    module = package / room / "__init__.py"
    module.write_text(module.read_text() + "#")
    changed = code_digest(package)
    assert changed != code_digest()
    (package / room / "new.py").touch()
    assert code_digest(package) not in {changed, code_digest()}


@pytest.mark.parametrize("room", ["audit/report", "audit/verdict", "reports"])
def test_what_shows_or_judges_rows_does_not(package: Path, room: str) -> None:
    module = package / room / "__init__.py"
    module.write_text(module.read_text() + "#")
    assert code_digest(package) == code_digest()


def test_whatever_room_makes_a_row_is_decided_on() -> None:
    used = {room for path in _makes_rows() for room in _rooms_imported(path)}
    assert {"detect", "media", "veil"} < used
    assert used - set(MAKES_ROWS) <= CHANGES_NO_FIGURE


def test_names_count_and_other_files_do_not(package: Path) -> None:
    attacks = package / "audit" / "attacks" / "reconstruct"
    (attacks / "ridge.pyc").write_text("not source")
    assert code_digest(package) == code_digest()
    (attacks / "ridge.py").rename(attacks / "hill.py")
    assert code_digest(package) != code_digest()


def _makes_rows() -> list[Path]:
    shown = [PACKAGE / room for room in SHOWS_ROWS]
    modules = (PACKAGE / "audit").rglob("*.py")
    return [path for path in modules if path.name != "run.py" and not any(map(path.is_relative_to, shown))]


def _rooms_imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[1] for name in names if name.startswith("raypp.")}
