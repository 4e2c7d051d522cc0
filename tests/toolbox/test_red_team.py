"""Tools that try to get out, or to carry more out than they declare."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from raypp.toolbox.bits import run_bits
from raypp.toolbox.rules import Rule
from raypp.toolbox.run import ToolTask, run_task, vet_run
from tests.sandbox.isolated import needs_sandbox, processes_that_see
from tests.toolbox.reachable import ReachableHost
from tests.toolbox.red_team import RED_TEAM
from tests.toolbox.tools import packed, text_data

pytestmark = needs_sandbox

REFUSED = {
    "sleeps": Rule.ENDED_BADLY,
    "names": Rule.FILES,
    "many rows": Rule.ROWS,
}
_LEFT = {"low bits": (("a", "0"), ("a", "20"))}


@pytest.mark.parametrize("name", RED_TEAM)
def test_it_gets_no_more_than_it_declares(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("RAYPP_SECRET", "hidden")
    deadline = 1 if name == "sleeps" else 20
    resources = {"seconds": deadline, "memory_mb": 128, "processes": 8, "scratch_mb": 4, "output_kb": 256}
    package = packed(tmp_path / "tool", RED_TEAM[name], resources=resources)
    folder = Path(tempfile.mkdtemp(prefix="raypp-host-", dir="/tmp"))
    host = ReachableHost(folder)
    try:
        began = time.monotonic()
        outcome = run_task(ToolTask(package.content, {}, text_data(host.targets)))
        assert time.monotonic() - began < deadline + 2
        result = vet_run(package, text_data(), outcome, least_cell=0)
        assert result.rule == REFUSED.get(name), (result.words, outcome.messages)
        if result.rule is None:
            assert result.tables["t"].rows == _LEFT.get(name, (("a", "0"),)), outcome.messages
        else:
            assert result.tables == {}
        assert host.calls == []
        assert host.key.read_text() == "hidden"
        _until(lambda: processes_that_see(tmp_path) == [], 2)
    finally:
        host.close()
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert run_bits(package.manifest, {}) == 44  # whatever it tries


def test_the_same_tries_come_off_where_nothing_is_in_their_way(tmp_path: Path):
    """A control: outside the sandbox, the first of them reaches the server that waits for it."""
    host = ReachableHost(tmp_path)
    code = RED_TEAM["network"].replace("/data/targets", str(tmp_path / "targets"))
    code = code.replace("/out/t.csv", str(tmp_path / "t.csv")).replace("attempt(lambda: socket.create", "# ")
    (tmp_path / "targets").write_text(host.targets)
    subprocess.run([sys.executable, "-c", code], check=True)
    try:
        assert (tmp_path / "t.csv").read_text() == "code,n\na,1\n"
        _until(lambda: host.calls == [b"secret"], 2)
    finally:
        host.close()


def _until(holds, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
