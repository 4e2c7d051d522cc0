"""An error names fields; the command line turns them into flags, and leaves commands as they are."""

import pytest

from raypp.cli.flags import with_flags
from raypp.errors import OptionError
from raypp.train.run import train_detector
from raypp.train.settings import TrainSettings
from tests.command import raypp


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`batch` 9 is too much", "--batch 9 is too much"),
        ("choose another `shard_mb`", "choose another --shard-mb"),
        ("`key_path` and `architecture`", "--key and --model"),
        ("run `raypp veil` again", "run `raypp veil` again"),
    ],
)
def test_fields_become_flags_and_commands_stay(text, shown):
    assert with_flags(text) == shown


def test_an_error_names_a_field_in_python_and_a_flag_at_the_command_line(tmp_path):
    with pytest.raises(OptionError, match=r"^`workers` 2 train together on Ray"):
        train_detector(TrainSettings(archive=str(tmp_path), out=tmp_path / "run", workers=2))
    done = raypp("train", tmp_path, "--out", tmp_path / "run", "--workers", "2", "--here")
    assert done.returncode == 1
    assert "raypp: --workers 2 train together on Ray; in this process there is one" in done.stderr
