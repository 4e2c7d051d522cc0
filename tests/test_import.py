"""`import raypp` is quick, and brings in nothing heavy."""

import json
import subprocess
import sys

import pytest

_HEAVY = ("torch", "ray", "pyarrow", "ultralytics", "sqlalchemy", "typer", "rich", "PIL", "av")
_WITHIN_S = 0.15
_LOADED = "import raypp, sys, json; print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))"
_CPU = "import raypp, time; print(time.process_time())"
_NOTHING = "import time; print(time.process_time())"


def _said(code: str, *arguments: str) -> str:
    command = [sys.executable, "-P", "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_importing_raypp_loads_nothing_heavy() -> None:
    assert json.loads(_said(_LOADED, *_HEAVY)) == []


def test_importing_raypp_takes_little_time() -> None:
    """By CPU time beyond an empty process's, the least of several: other work on the machine does not count."""
    imported = min(float(_said(_CPU)) for _ in range(5))
    assert imported - min(float(_said(_NOTHING)) for _ in range(5)) < _WITHIN_S


@pytest.mark.parametrize("room", ["raypp.errors", "raypp.io.atomic", "raypp.io.backoff", "raypp.text.wording"])
def test_the_lowest_rooms_load_nothing_heavy(room: str) -> None:
    assert json.loads(_said(_LOADED.replace("raypp,", f"{room},", 1), *_HEAVY)) == []


@pytest.mark.parametrize(
    "room", ["raypp.io.filesystem", "raypp.media.sampling", "raypp.train.settings", "raypp.execution"]
)
def test_what_a_command_line_asks_first_loads_no_arrow_and_no_decoder(room: str) -> None:
    assert json.loads(_said(_LOADED.replace("raypp,", f"{room},", 1), "pyarrow", "av", "torch", "PIL")) == []
