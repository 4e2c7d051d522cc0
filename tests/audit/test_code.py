"""The digest of code tells programs apart that may make other rows, and no others."""

import shutil
from pathlib import Path

import pytest

import raypp
from raypp.audit.core.code import code_digest

PACKAGE = Path(raypp.__file__).parent


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for part in ("audit", "detect", "media", "veil"):
        shutil.copytree(PACKAGE / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_it_is_of_the_package_wherever_that_lies(package: Path) -> None:
    assert code_digest(package) == code_digest()
    assert len(code_digest()) == 64


@pytest.mark.parametrize(
    "name",
    [
        "audit/attacks/cells.py",
        "audit/attacks/identify/matching.py",
        "audit/attacks/reconstruct/ridge.py",
        "audit/core/row.py",
        "audit/footage/tracks.py",
        "audit/metrics/scores.py",
        "audit/recognition/things.py",
        "audit/suite/suite.py",
        "audit/targets/baselines.py",
        "audit/tasks.py",
        "detect/adapter.py",
        "detect/public.py",
        "media/obfuscation.py",
        "veil/patch.py",
        "veil/spec.py",
        "veil/tables.py",
    ],
)
def test_what_makes_rows_counts(package: Path, name: str) -> None:
    (package / name).write_text((package / name).read_text() + "#")
    assert code_digest(package) != code_digest()


@pytest.mark.parametrize(
    "name",
    ["audit/report/page.py", "audit/run.py", "audit/verdict/gates.py", "media/image.py"],
)
def test_what_shows_or_judges_rows_does_not(package: Path, name: str) -> None:
    (package / name).write_text((package / name).read_text() + "#")
    assert code_digest(package) == code_digest()


def test_names_count_and_other_files_do_not(package: Path) -> None:
    attacks = package / "audit" / "attacks" / "reconstruct"
    (attacks / "ridge.pyc").write_text("not source")
    assert code_digest(package) == code_digest()
    (attacks / "ridge.py").rename(attacks / "hill.py")
    assert code_digest(package) != code_digest()
