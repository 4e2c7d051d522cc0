"""A forgetting that is killed at any write, rename or removal of a file ends the same when it is run again."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import environment
from tests.forget.places import frames_of, traces, veil_again
from tests.rekey.places import write_place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_place(tmp_path_factory.mktemp("place"))
    veil_again(place, place / "veiled")
    return place


def _killed(place: Path, root: Path, first: int, last: int) -> list[int]:
    command = [sys.executable, "-m", "tests.forget.everywhere", place, root, str(first), str(last)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def test_killed_as_it_writes_shards_it_ends_the_same(place, tmp_path):
    assert _killed(place, tmp_path, 7, 7) == [1, 1, 1]


@pytest.mark.slow
def test_killed_anywhere_it_ends_the_same(place, tmp_path):
    calls = _killed(place, tmp_path, 1, 400)
    assert all(20 < count < 400 for count in calls), calls
    before, after = frames_of(place / "veiled"), frames_of(tmp_path / "1-whole" / "veiled")
    gone = [row for name, row in before.items() if name not in after]
    assert len(gone) > 5
    for folder in ("1-whole/veiled", "1-whole/veiled-private", "2-whole/copy"):
        assert traces(tmp_path / folder, gone) == []
