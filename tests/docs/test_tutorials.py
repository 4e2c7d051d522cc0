"""The commands of the tutorials, run in their order in one folder, end well and say what the pages say."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypp.demo.workshop.sample import make_sample
from raypp.demo.workshop.tools import CLASSES
from tests.command import ROOT
from tests.docs.pages import blocks

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1800)]

_MARK = ("run", "tests/docs/test_tutorials.py")
_COMMAND = re.compile(
    r"^\$ (?P<command>(?:.*\\\n)*(?:.*<<'END'\n(?:.*\n)*?END|.*))\n(?P<output>(?:(?!\$ ).*\n?)*)", re.MULTILINE
)


def _commands(page: str) -> Iterator[tuple[str, str]]:
    """Each command of a tutorial that this test runs, and what the page says it prints."""
    for block in blocks((ROOT / "docs" / "tutorials" / page).read_text()):
        if block.mark == _MARK:
            for match in _COMMAND.finditer(block.text):
                yield match["command"].replace(".venv/bin/raypp", f"{sys.executable} -m raypp"), match["output"]


def _first_words(output: str) -> set[str]:
    """Names that lines of an output begin with, but for verdicts and tools, which another key may change."""
    names = {match[1] for line in output.splitlines() if (match := re.match(r"([a-z]+(?: [a-z]+)?)(?=  |: )", line))}
    return names - {"met", "missed", "undecided", "known pairs", *CLASSES}


def _run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def _await_service(served: "subprocess.Popen[bytes]", log: Path, output: str) -> None:
    """Wait as a reader does, until the service says that it serves, and compare what it says with the page."""
    while not log.exists() or "\nserving " not in log.read_text():
        assert served.poll() is None, log.read_text()
        time.sleep(0.5)
    assert {words for words in _first_words(output) if words not in log.read_text()} == set(), log.read_text()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with the demo's sample and a home of its own, as a reader has it who ran `make demo`."""
    folder = tmp_path_factory.mktemp("tutorials")
    (folder / "home").mkdir()
    make_sample(folder / "demo-out" / "sample", seconds=30)
    return folder, {**os.environ, "HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("page", ["veil.md", "audit.md", "train.md", "stream.md"])
def test_a_tutorial_runs_as_written(place: tuple[Path, dict[str, str]], page: str) -> None:
    folder, environment = place
    served: subprocess.Popen[bytes] | None = None
    commands = list(_commands(page))
    assert commands, "the page has commands"
    try:
        for command, output in commands:
            if " serve " in command:
                with (folder / "serve.log").open("wb") as log:
                    served = subprocess.Popen(
                        ["bash", "-c", f"exec {command}"], cwd=folder, env=environment, stderr=log
                    )
                _await_service(served, folder / "serve.log", output)
                continue
            printed = _run(command, folder, environment)
            assert {words for words in _first_words(output) if words not in printed} == set(), f"{command}\n{printed}"
    finally:
        if served:
            served.send_signal(signal.SIGINT)
            assert served.wait(60) == 0
