"""The recipes of images: linted, packages from the locks, a base that the builder names, and no root."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.command import ROOT

PAGE = ROOT / "docs" / "how-to" / "images.md"
RECIPES = sorted((ROOT / "cluster" / "images").glob("Containerfile.*"))


def test_there_are_recipes_for_edge_and_cluster() -> None:
    assert [recipe.suffix for recipe in RECIPES] == [".cluster", ".edge"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_linter_has_nothing_to_say(recipe: Path, tmp_path: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "make setup"
    command = [hadolint, "--failure-threshold", "style"]
    done = subprocess.run([*command, str(recipe)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    worse = tmp_path / "Containerfile"
    worse.write_text(recipe.read_text().replace("WORKDIR /src", "RUN cd /src && sudo true"))
    assert subprocess.run([*command, str(worse)], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_packages_are_from_the_locks_the_base_is_the_builders_and_the_user_is_a_number(recipe: Path) -> None:
    text = recipe.read_text()
    installs = re.findall(r"pip install[^&\n]*", text)
    assert installs
    assert all("--require-hashes" in command or "--no-index" in command for command in installs)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    assert re.findall(r"^ARG PYTHON_IMAGE$", text, re.MULTILINE)
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]


def test_the_owners_image_has_what_the_sandbox_is_of() -> None:
    """The packages that raypp names where it misses them, and nothing of the system besides; for other images, none."""
    text = (ROOT / "cluster" / "images" / "Containerfile.cluster").read_text()
    (installed,) = re.findall(r"apt-get install --yes --no-install-recommends ([^&]*) &&", text)
    sources = (ROOT / "raypp" / "sandbox").glob("*.py")
    named = {name for path in sources for name in re.findall(r"apt-get install ([a-z0-9]+)", path.read_text())}
    assert set(installed.split()) == named
    assert len(named) == 2
    (step,) = re.findall(r"^RUN (.*)apt-get update", text, re.MULTILINE)
    assert step == 'test "${MORE}" = "${LOCK}" || { '
    assert "apt-get" not in (ROOT / "cluster" / "images" / "Containerfile.edge").read_text()


def test_a_build_is_given_what_recipes_copy_and_nothing_else() -> None:
    first, *rules = (line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#"))
    given = {rule[1:] for rule in rules if rule.startswith("!")}
    assert (first, set(rules)) == ("*", {"!" + name for name in given} | {"**/__pycache__"})
    copied = {
        re.sub(r"\$\{(LOCK|MORE)\}", "requirements-ml.txt", word)
        for recipe in RECIPES
        for words in re.findall(r"^COPY (?!--)(.*) \S+$", recipe.read_text(), re.MULTILINE)
        for word in words.split()
    }
    assert {name for name in given if any(fnmatch(word, name) for word in copied)} == given
    assert {word for word in copied if any(fnmatch(word, name) for name in given)} == copied


def test_the_image_for_cpus_has_the_extras_of_the_other() -> None:
    (ml,) = re.findall(r"^ML := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (command,) = re.findall(r"--torch-backend cpu(.*?)pyproject", PAGE.read_text(), re.DOTALL)
    extras = re.findall(r"--extra (\w+)", ml)
    assert extras
    assert re.findall(r"--extra (\w+)", command) == extras
