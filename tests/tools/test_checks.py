"""The checks find what they look for, and an allow-list can only shrink."""

import subprocess
from pathlib import Path

import pytest

from tools import allowed_list
from tools.allowed_list import Offence, judge, read, shrink
from tools.homonyms import homonyms
from tools.parameters import parameters
from tools.sizes import sizes
from tools.words import words

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for folder in ("raypp/cli", "raypp/edge", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "raypp" / "small.py").write_text("")
    return tmp_path


def _keys(offences: list[Offence]) -> list[str]:
    return sorted(offence.key for offence in offences)


def test_a_public_name_of_two_modules_is_a_homonym(tree: Path) -> None:
    (tree / "raypp" / "one.py").write_text(
        "class Plan: ...\ndef _own(): ...\ndef veil(): ...\nclass A:\n def go(self): ...\n"
    )
    (tree / "raypp" / "two.py").write_text("class Plan: ...\ndef _own(): ...\nclass B:\n def go(self): ...\n")
    (tree / "raypp" / "cli" / "veil.py").write_text("def veil(): ...\n")
    assert _keys(homonyms(tree)) == ["Plan"]
    (tree / "raypp" / "cli" / "veil.py").write_text("class Plan: ...\nclass B: ...\n")
    assert _keys(homonyms(tree)) == ["B", "Plan"]


def test_long_files_and_a_long_median_are_told(tree: Path) -> None:
    (tree / "raypp" / "long.py").write_text("#\n" * 351)
    (tree / "raypp" / "fits.py").write_text("#\n" * 350)
    assert _keys(sizes(tree)) == ["raypp", "raypp/long.py"]
    for number in range(4):
        (tree / "raypp" / f"short{number}.py").write_text("#\n" * 110)
    assert _keys(sizes(tree)) == ["raypp/long.py"]


def test_many_parameters_are_for_the_command_line(tree: Path) -> None:
    taken = "def f(a, b, c, /, d, e, *, f, g, h{}): ...\n"
    (tree / "raypp" / "edge" / "many.py").write_text(taken.format(", i"))
    (tree / "raypp" / "edge" / "eight.py").write_text("class A:\n " + taken.format("").replace("a,", "self, a,"))
    (tree / "raypp" / "cli" / "many.py").write_text(taken.format(", i"))
    assert _keys(parameters(tree)) == ["raypp/edge/many.py:f"]


def test_words_are_found_in_names_texts_comments_and_pages(tree: Path) -> None:
    source = '"""A module."""\n\n\ndef rebuild_all(course):\n    # of a film\n    return "two pictures" * course\n'
    (tree / "raypp" / "edge" / "old.py").write_text(source)
    (tree / "docs" / "page.md").write_text("Outsiders see codes.\n")
    (tree / "raypp" / "edge" / "new.py").write_text('"""A course of filming, of course."""\n')
    (tree / "raypp" / "edge" / "what.py").write_text('class A:\n    """What it is."""\n')
    old = [f"raypp/edge/old.py: {word}" for word in ("course", "film", "picture", "rebuild")]
    assert _keys(words(tree)) == ["docs/page.md: outsider", *old, "raypp/edge/what.py: What"]
    assert {offence.message.split(":")[1] for offence in words(tree) if "film" in offence.key} == {"5"}


def test_a_new_offence_fails_and_so_does_an_entry_that_is_no_longer_needed() -> None:
    assert judge("sizes", [Offence("a", "a: too long")], ["a"]) == []
    assert judge("sizes", [Offence("a", "a: too long")], []) == ["a: too long"]
    assert "no longer needed" in judge("sizes", [], ["a"])[0]


def test_a_list_shrinks_and_never_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed_list, "FOLDER", tmp_path)
    (tmp_path / "sizes.txt").write_text("# why\na\nb\n")
    assert shrink("sizes", [Offence("b", ""), Offence("c", "")]) == 1
    assert (tmp_path / "sizes.txt").read_text() == "# why\nb\n"
    assert read("sizes") == ["b"]
