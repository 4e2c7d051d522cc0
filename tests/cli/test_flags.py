"""An error names fields; the command line turns them into flags, and leaves commands as they are."""

import ast
import re
from collections.abc import Iterator

import pytest

from raypp.cli.flags import FLAGS, with_flags
from raypp.errors import OptionError
from raypp.execution import ExecutionSettings, On
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings
from tests.command import ROOT, raypp


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`batch` 9 is too much", "--batch 9 is too much"),
        ("choose another `shard_mb`", "choose another --shard-mb"),
        ("`key_path` and `near`", "--key and `near`"),
        ("run `raypp veil` again", "run `raypp veil` again"),
    ],
)
def test_fields_become_flags_and_commands_stay(text, shown):
    assert with_flags(text) == shown


def test_an_error_names_a_field_in_python_and_a_flag_at_the_command_line(tmp_path):
    with pytest.raises(OptionError, match=r"^`workers` 2 is of Ray, which `on` local does without"):
        run_training(
            TrainSettings(archive=str(tmp_path), out=tmp_path / "run", workers=2), ExecutionSettings(on=On.LOCAL)
        )
    done = raypp("train", tmp_path, "--out", tmp_path / "run", "--workers", "2", "--on", "local")
    assert done.returncode == 1
    assert "raypp: --workers 2 is of Ray, which --on local does without; leave out the one or the other" in done.stderr


_OF_DOCUMENTS = {"name", "near", "reach", "min_shift", "max_hidden_s", "stations", "certificate", "signature", "args"}
_OF_DOCUMENTS |= {"opened", "open", "chunk", "precision"}
_OF_DOCUMENTS |= {"procedures", "execution", "during", "begins", "ends", "shift", "shifts", "station", "together"}
_OF_DOCUMENTS |= {"sequence", "any_order", "one_of", "repeat", "ignore"}
_OF_DOCUMENTS |= {"people", "classes", "yes", "no", "require", "forbidden", "alone", "most_people", "zones"}
_OF_DOCUMENTS |= {"alerts", "channel", "url", "url_file", "user", "password_file", "token_file", "ca_file"}
_OF_DOCUMENTS |= {"longer_than_s", "quiet", "views", "whole", "ledgers"}
"""Names that errors quote from settings files, certificates and the wire: no flag sets them."""
_OF_DOCUMENTS |= {"decimals", "from", "wheels", "version", "researcher_bits"}
_OF_THE_API_ALONE = {"confidence"}


def _raised(tree: ast.AST) -> Iterator[str]:
    """Names in backquotes in what a module raises."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            words = [node.value for node in ast.walk(node.exc) if isinstance(node, ast.Constant)]
            yield from re.findall(r"`([a-z][a-z0-9_]*)`", "".join(map(str, words)))


def test_every_field_that_an_error_names_has_a_flag():
    files = [path for folder in ("raypp", "jobs", "actors") for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in files for name in _raised(ast.parse(path.read_text()))}
    assert {"batch", "shard_mb", "arms"} <= named, "the control: names are found"
    assert named - _OF_DOCUMENTS - _OF_THE_API_ALONE <= set(FLAGS)


_NO_MESSAGES = {
    "raypp/web/assets.py": "custom properties of CSS",
    "raypp/demo/service.py": "command lines that are run",
    "raypp/bench/service.py": "likewise",
    "raypp/bench/agent.py": "likewise",
    "raypp/compare/running.py": "a command line of git",
    "raypp/tally/party.py": "what MPyC reads as its command line",
    "raypp/sandbox/host.py": "what bubblewrap reads as its command line",
    "raypp/sandbox/launch.py": "the same",
    "raypp/audit/core/model.py": "values in the rows that users hold",
}


def _words(node: ast.AST) -> Iterator[str]:
    """Texts under a node, docstrings left out; a value within a text is an x."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "x" for part in child.values)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
        elif not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            yield from _words(child)


def _flags_in(text: str) -> list[str]:
    return re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"`[^`]*`", "", text))


def test_no_room_and_no_error_of_a_job_names_a_flag():
    assert _flags_in("give --size 3; run `raypp veil --out x`") == ["--size"], "the control: a flag is found"
    rooms = [path for path in (ROOT / "raypp").rglob("*.py") if path.parent.name != "cli"]
    named = {
        (str(path.relative_to(ROOT)), flag)
        for path in rooms
        for words in _words(ast.parse(path.read_text()))
        for flag in _flags_in(words)
    }
    for path in (*(ROOT / "jobs").rglob("*.py"), *(ROOT / "actors").rglob("*.py")):
        raised = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Raise)]
        texts = [words for node in raised for words in _words(node)]
        named |= {(str(path.relative_to(ROOT)), flag) for words in texts for flag in _flags_in(words)}
    assert {entry for entry in named if entry[0] not in _NO_MESSAGES} == set()
