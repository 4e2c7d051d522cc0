"""After a kill, and folded anew, reports of executions and compliance say the same as before."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from sqlalchemy import event

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.settings import CAMERA, yard_site_settings
from raypp.demo.yard.site import Seeds, Yard
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.packing import as_stored
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.reports.executions import read_executions
from raypp.reports.safety import read_safety
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import SeenFrame
from tests.reports.plants import SECOND_US

_START = 1_772_460_000 * SECOND_US
_STREAM = StreamName("yard", CAMERA, _START)
_ABOUT = StreamAbout(CLASSES, "a" * 64, "b" * 32, live=False)
_TOOLS = """tools:
  - {class: helmet, min_on_s: 0.5, max_gap_s: 0.5}
  - {class: vest, min_on_s: 0.5, max_gap_s: 0.5}
  - {class: glove, min_on_s: 0.5, max_gap_s: 0.5}
procedures:
  - name: dress
    execution: {gap_s: 2}
    steps: [{name: head, tools: [helmet], min_s: 2}, {name: body, tools: [vest]}, {name: hands, tools: [glove]}]
"""
_SETTINGS = yard_site_settings("yard") + _TOOLS
_CHUNK = 50


def _frames() -> list[SeenFrame]:
    yard = Yard.make(Seeds.DEVELOP, 5, seconds=40)
    return [as_stored(replace(true.frame, timestamp_us=_START + true.frame.timestamp_us)) for true in yard.frames]


def stream(path: Path, *, kill_at: int | None = None) -> None:
    """Stream what is not committed yet; with `kill_at`, kill -9 this process when all of that chunk is written."""
    frames = _frames()
    parts = [tuple(frames[start : start + _CHUNK]) for start in range(0, len(frames), _CHUNK)]
    with Ledger.open(sqlite_url(path)) as ledger:
        writer = StreamWriter.open(ledger, _STREAM, _ABOUT)
        for sequence in range(writer.committed + 1, len(parts) + 1):
            if sequence == kill_at:
                event.listen(ledger.database.engine, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))
            writer.commit(sequence, parts[sequence - 1], last=sequence == len(parts))


def _said(path: Path) -> str:
    with Ledger.open(sqlite_url(path)) as ledger:
        executions = read_executions(ledger, "yard").report()
        safety = read_safety(ledger, "yard").report()
        assert len(executions.executions) >= 1
        assert executions.procedures[0].deviations
        return json.dumps([executions.model_dump(mode="json"), safety.model_dump(mode="json")])


def _ledger(path: Path, settings: str) -> Path:
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.add_site("yard")
        ledger.configure("yard", settings)
    return path


def test_reports_say_the_same_after_kills_and_after_folding_anew(tmp_path: Path) -> None:
    undisturbed = _ledger(tmp_path / "undisturbed.db", _SETTINGS)
    stream(undisturbed)
    expected = _said(undisturbed)
    killed = _ledger(tmp_path / "killed.db", _SETTINGS)
    for sequence in (3, 6):
        program = "import sys; from pathlib import Path; from tests.reports.test_again import stream\n"
        program += "stream(Path(sys.argv[1]), kill_at=int(sys.argv[2]))"
        command = [sys.executable, "-c", program, str(killed), str(sequence)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    stream(killed)
    assert _said(killed) == expected
    other = _ledger(tmp_path / "other.db", _SETTINGS.replace("min_on_s: 0.5", "min_on_s: 3"))
    stream(other)
    for path in (undisturbed, other):
        with Ledger.open(sqlite_url(path)) as ledger:
            ledger.configure("yard", _SETTINGS)
            assert reaggregate(ledger, "yard", again=True).streams == 1
        assert _said(path) == expected
