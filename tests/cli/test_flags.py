"""An error names fields; the command line turns them into flags, and leaves commands as they are."""

import ast
import re
from collections.abc import Iterator

import pytest

from raypp.cli.flags import FLAGS, with_flags
from raypp.errors import OptionError
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
    with pytest.raises(OptionError, match=r"^`workers` 2 train together on Ray"):
        run_training(TrainSettings(archive=str(tmp_path), out=tmp_path / "run", workers=2))
    done = raypp("train", tmp_path, "--out", tmp_path / "run", "--workers", "2", "--here")
    assert done.returncode == 1
    assert "raypp: --workers 2 train together on Ray; give 1, or leave out --here" in done.stderr


_OF_DOCUMENTS = {"name", "near", "reach", "min_shift", "max_hidden_s", "stations", "opened", "certificate", "signature"}
"""Names that errors quote from settings files, certificates and the wire: no flag sets them."""
_OF_THE_API_ALONE = {"confidence"}


def _raised(tree: ast.AST) -> Iterator[str]:
    """Names in backquotes in what a module raises."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            words = [one.value for one in ast.walk(node.exc) if isinstance(one, ast.Constant)]
            yield from re.findall(r"`([a-z][a-z0-9_]*)`", "".join(map(str, words)))


def test_every_field_that_an_error_names_has_a_flag():
    named = {name for path in (ROOT / "raypp").rglob("*.py") for name in _raised(ast.parse(path.read_text()))}
    assert {"batch", "shard_mb", "arms"} <= named, "the control: names are found"
    assert named - _OF_DOCUMENTS - _OF_THE_API_ALONE <= set(FLAGS)
