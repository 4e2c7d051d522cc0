"""No file of others ends a reader otherwise than well, or by one line: no traceback, 300 MB and 5 s at most.

`RAYPP_FUZZ_MINUTES` is for how long each reader is tried (10); `RAYPP_FUZZ_SEED` begins elsewhere.
"""

import os
import select
import subprocess
import sys
from pathlib import Path
from random import Random
from time import monotonic

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from raypp.errors import RayppError
from tests.command import environment
from tests.fuzz.targets import TARGETS

_SMOKE_S = 2.0
_MINUTES = float(os.environ.get("RAYPP_FUZZ_MINUTES", "10"))
_SEED = int(os.environ.get("RAYPP_FUZZ_SEED", "0"))
_LONGEST_S = 60.0  # on a machine that does other things; the child judges by its own time
_SMOKED = ("key", "masks", "certificate", "labels")
"""Without torch, which alone takes many seconds to load."""
_ONCE_FAULTY = (("shard", 2137), ("masks", 54685762))
"""Numbers of inputs: a shard that says how many rows it has and holds none; a camera's name that cannot be seen."""


class _Child:
    """A reader in a process of its own, begun anew where an input ended it."""

    def __init__(self, target: str, folder: Path) -> None:
        self._target, self._folder = target, folder
        self.tried = self.read = 0
        self._begin()

    def _begin(self) -> None:
        command = [sys.executable, "-m", "tests.fuzz.child", self._target, str(self._folder)]
        bounds = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment() | bounds,
            cwd=Path(__file__).parents[2],
            bufsize=0,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def fault_of(self, content: bytes) -> str | None:
        """Return what went wrong with an input, or None."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.tried += 1
        self._process.stdin.write(len(content).to_bytes(4, "big") + content)
        if not select.select([self._process.stdout], [], [], _LONGEST_S)[0]:
            self.end()
            self._begin()
            return f"no answer within {_LONGEST_S:.0f} s"
        answer = self._process.stdout.readline().decode()
        if not answer:
            self.end()
            self._begin()
            return "the process died"
        self.read += answer == "\n"
        return None if answer == "\n" or answer.startswith("refused: ") else answer

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def _fuzz(name: str, folder: Path, seconds: float) -> None:
    child = _Child(name, folder)
    until, rounds = monotonic() + seconds, _SEED
    make = TARGETS[name].make

    def attempt(number: int) -> None:
        if monotonic() < until:
            content = make(Random(number))
            fault = child.fault_of(content)
            assert fault is None, f"{name}: {fault}\n{content[:2000]!r}"

    try:
        while monotonic() < until:
            rounds += 1
            bounds = settings(
                max_examples=1000,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            seed(rounds)(bounds(given(st.integers(0, 1 << 60))(attempt)))()
    finally:
        child.end()
        print(f"fuzz {name}: {child.tried} inputs, {child.read} of them read, {seconds:.0f} s")
    assert child.tried > 0


@pytest.mark.parametrize("name", _SMOKED)
def test_a_reader_answers_odd_files_in_one_line(name: str, tmp_path: Path) -> None:
    _fuzz(name, tmp_path, _SMOKE_S)


@pytest.mark.parametrize(("name", "number"), _ONCE_FAULTY)
def test_an_input_that_was_once_not_refused_in_one_line_is(name: str, number: int, tmp_path: Path) -> None:
    path = tmp_path / TARGETS[name].file
    path.write_bytes(TARGETS[name].make(Random(number)))
    with pytest.raises(RayppError) as refused:
        TARGETS[name].read(path)
    assert str(refused.value).isprintable()


@pytest.mark.slow
@pytest.mark.timeout(_MINUTES * 60 + 300)
@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_answers_odd_files_in_one_line_for_minutes(name: str, tmp_path: Path) -> None:
    _fuzz(name, tmp_path, _MINUTES * 60)
