"""Whether this machine can isolate programs, and programs for the tests to run."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.sandbox.host import sandbox_host
from raypp.sandbox.launch import SandboxProgram
from raypp.sandbox.limits import SandboxLimits
from raypp.sandbox.run import SandboxOutcome, run_program
from raypp.sandbox.system_calls import refused_calls


def _lacks() -> str | None:
    try:
        sandbox_host()
        refused_calls()
    except OptionError as error:
        return str(error)
    return None


LACKS = _lacks()
needs_sandbox = pytest.mark.skipif(LACKS is not None, reason=LACKS or "")


@contextmanager
def program(code: str, outputs: tuple[str, ...] = ("out.csv",)) -> Iterator[SandboxProgram]:
    """A program of one file, with one file of data."""
    folder = Path(tempfile.mkdtemp(prefix="raypp-test-sandbox-"))
    try:
        for name in ("code", "data"):
            (folder / name).mkdir()
        (folder / "code" / "main.py").write_text(code)
        (folder / "data" / "given").write_text("given")
        yield SandboxProgram(folder / "code", None, folder / "data", "main.py", outputs)
    finally:
        shutil.rmtree(folder)


def run(code: str, *, outputs: tuple[str, ...] = ("out.csv",), **limits: float) -> SandboxOutcome:
    with program(code, outputs) as given:
        return run_program(given, SandboxLimits(**({"seconds": 20} | limits)))


def processes_that_see(folder: Path) -> list[int]:
    """Processes that have a folder, or what lies in it, among their mounts."""
    seeing = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{folder}/" in (process / "mountinfo").read_text():
                seeing.append(int(process.name))
        except OSError:
            continue
    return seeing
