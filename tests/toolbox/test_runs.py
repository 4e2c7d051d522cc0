"""Runs of approved tools: charged before they begin, vetted, and released as one file."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
from sqlalchemy import update

from raypp.demo.sample_ledger import make_sample_ledger
from raypp.errors import ConflictError, OptionError, RayppError
from raypp.ledger.tool_tables import ToolRunRow
from raypp.ledger.tool_values import RunState
from raypp.progress import LineProgress
from raypp.sandbox.run import SandboxOutcome
from raypp.toolbox.approved_run import ApprovedTool, RunPlan, approved_tool, plan_run, run_approved
from raypp.toolbox.data import ToolData
from raypp.toolbox.manifest import Reads
from raypp.toolbox.release import release_runs, write_again
from raypp.toolbox.run import ToolTask, run_task
from raypp.toolbox.trial import try_tool
from tests.command import ROOT
from tests.sandbox.isolated import needs_sandbox, processes_that_see
from tests.toolbox.owner import Owner
from tests.toolbox.test_command import EXAMPLE, run_tool
from tests.toolbox.tools import packed, text_data, write_tool

_BITS = 44  # of a run of the probe


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    owner = Owner(tmp_path, {"researcher_bits": 3 * _BITS})
    yield owner
    owner.ledger.close()


def _approved(owner: Owner, tmp_path: Path, *code: str, **changes: object) -> ApprovedTool:
    tool = owner.submit(packed(tmp_path / "tool", *code, **changes))
    owner.approve(tool, "ben", "cleo")
    return approved_tool(owner.store, tool.digest, owner.policy)


def _plan(approved: ApprovedTool, researcher: str = "anna") -> RunPlan:
    return plan_run(approved, researcher, {}, text_data("secret"))


def _gives(content: bytes, messages: bytes = b"") -> object:
    """Stands for a sandbox in which a tool wrote a table; the sandbox itself has tests of its own."""

    def execute(task: ToolTask) -> SandboxOutcome:
        return SandboxOutcome(0, {"t.csv": content}, {}, 0, messages, 0.5, ())

    return execute


@needs_sandbox
def test_a_run_is_vetted_and_its_researcher_sees_the_release_alone(owner: Owner, tmp_path: Path):
    code = "print(open('/data/targets').read())\nopen('/out/t.csv', 'w').write('code,n\\na,20.4\\nb,3\\n')"
    run_id, result = run_approved(owner.store, _plan(_approved(owner, tmp_path, code)), run_task)
    assert result.tables["t"].rows == (("a", "20"),)
    (run,) = owner.store.runs()
    assert (run.run_id, run.state, run.bits, run.messages) == (run_id, RunState.VETTED, _BITS, "secret\n")
    release, begun = release_runs(owner.store, "anna", tmp_path / "out.json")
    content = (tmp_path / "out.json").read_bytes()
    assert (release.runs, begun, release.sha256) == (1, 0, hashlib.sha256(content).hexdigest())
    assert json.loads(content)["runs"] == [
        {
            "run": 1,
            "tool": "probe",
            "version": "1.0",
            "parameters": {},
            "outcome": "ok",
            "tables": {"t": {"columns": ["code", "n"], "rows": [["a", "20"]]}},
        }
    ]
    assert b"secret" not in content


def test_a_refused_run_tells_the_number_of_its_rule_and_nothing_else(owner: Owner, tmp_path: Path):
    plan = _plan(_approved(owner, tmp_path))
    run_approved(owner.store, plan, _gives(b"code,n\nsecret,1\n", b"secret"))
    run_approved(owner.store, plan, _gives(b"code,n\na,11\n"))
    (refused, _) = owner.store.runs()
    assert refused.words == "t, code: 'secret' is none of its texts"
    release_runs(owner.store, "anna", tmp_path / "out.json")
    text = (tmp_path / "out.json").read_text()
    assert [run["outcome"] for run in json.loads(text)["runs"]] == ["refused by rule 5", "ok"]
    assert "secret" not in text
    assert "0.5" not in text


def test_a_budget_counts_runs_whatever_comes_of_them(owner: Owner, tmp_path: Path):
    plan = _plan(_approved(owner, tmp_path))
    for content in (b"code,n\na,11\n", b"rubbish"):
        run_approved(owner.store, plan, _gives(content))

    def fails(task: ToolTask) -> SandboxOutcome:
        raise RayppError("the run was lost with its worker")

    with pytest.raises(RayppError, match="lost with its worker"):
        run_approved(owner.store, plan, fails)
    assert owner.store.spent("anna") == 3 * _BITS
    with pytest.raises(ConflictError, match=rf"may tell {_BITS} bits, and anna has 0 of {3 * _BITS} left"):
        run_approved(owner.store, plan, fails)
    assert len(owner.store.runs()) == 3
    run_approved(owner.store, _plan(plan.approved, "zoe"), _gives(b"code,n\na,11\n"))
    assert owner.store.spent("zoe") == _BITS


def test_what_a_run_may_tell_is_bounded_before_it_begins(owner: Owner, tmp_path: Path):
    owner.write_policy(run_bits=_BITS - 1)
    approved = _approved(owner, tmp_path)
    with pytest.raises(OptionError, match=f"may tell {_BITS} bits, and the policy allows {_BITS - 1}"):
        _plan(approved)
    assert owner.store.runs() == ()


def test_data_of_another_kind_and_odd_researchers_are_refused(owner: Owner, tmp_path: Path):
    approved = _approved(owner, tmp_path, reads="codes")
    with pytest.raises(OptionError, match=r"tool probe 1.0 reads codes, and the data are detections"):
        _plan(approved)
    plan = _plan(_approved(owner, tmp_path / "other", version="2"), "an na")
    with pytest.raises(OptionError, match="researcher 'an na': use letters"):
        run_approved(owner.store, plan, _gives(b""))
    assert owner.store.runs() == ()


def test_a_release_is_written_whole_once_and_again_the_same(owner: Owner, tmp_path: Path):
    plan = _plan(_approved(owner, tmp_path))
    with pytest.raises(ConflictError, match="no run for anna waits to be released"):
        release_runs(owner.store, "anna", tmp_path / "out.json")
    run_approved(owner.store, plan, _gives(b"code,n\na,11\n"))
    for place, words in (
        (tmp_path / "nowhere" / "out.json", "there is no folder"),
        (tmp_path / "policy.yaml", "exists"),
    ):
        with pytest.raises(OptionError, match=words):
            release_runs(owner.store, "anna", place)
    assert owner.store.runs()[0].release_id is None
    release, _ = release_runs(owner.store, "anna", tmp_path / "out.json")
    run_approved(owner.store, plan, _gives(b"code,n\na,12\n"))
    assert write_again(owner.store, release.release_id, tmp_path / "again.json") == release
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "out.json").read_bytes()
    assert release_runs(owner.store, "anna", tmp_path / "second.json")[0].runs == 1
    with pytest.raises(OptionError, match="`again` 9 is no release"):
        write_again(owner.store, 9, tmp_path / "ninth.json")
    with owner.ledger.database.write() as connection:
        connection.execute(update(ToolRunRow).values(tables='{"t":{"columns":["code"],"rows":[["more"]]}}'))
    with pytest.raises(ConflictError, match="is not what left then"):
        write_again(owner.store, release.release_id, tmp_path / "altered.json")


@pytest.mark.slow
@needs_sandbox
def test_a_killed_run_stays_charged_is_not_released_and_leaves_no_sandbox(owner: Owner, tmp_path: Path):
    approved = _approved(owner, tmp_path, "import time; time.sleep(60)", resources={"seconds": 50, "memory_mb": 128})
    script = f"""
import tempfile; tempfile.tempdir = {str(tmp_path)!r}
from pathlib import Path
from raypp.ledger.store import Ledger
from raypp.ledger.tool_store import ToolStore
from raypp.toolbox.approved_run import approved_tool, run_approved, plan_run
from raypp.toolbox.policy import load_tool_policy
from raypp.toolbox.run import run_task
from tests.toolbox.tools import text_data
with Ledger.open({owner.url!r}) as ledger:
    store = ToolStore(ledger)
    approved = approved_tool(store, {approved.tool.digest!r}, load_tool_policy(Path({str(owner.policy_path)!r})))
    run_approved(store, plan_run(approved, "anna", {{}}, text_data()), run_task)
"""
    worker = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    _until(lambda: len(processes_that_see(tmp_path)) >= 2, 60)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    _until(lambda: processes_that_see(tmp_path) == [], 4)
    (run,) = owner.store.runs()
    assert (run.state, run.tables, owner.store.spent("anna")) == (RunState.BEGUN, None, run.bits)
    with pytest.raises(ConflictError, match="no run for anna waits"):
        release_runs(owner.store, "anna", tmp_path / "out.json")


@needs_sandbox
def test_a_tool_goes_from_a_researcher_through_two_persons_to_a_release(tmp_path: Path):
    """The commands of the page; and what was tried on mock data comes out the same of an owner with these data."""
    owner = Owner(tmp_path, {"least_cell": 5})
    owner.ledger.close()
    ledger = f"sqlite:///{make_sample_ledger(tmp_path / 'site', seed=3, minutes=10)}"
    run_tool("pack", EXAMPLE, "--out", tmp_path / "tool-uses.tool")
    common = ("--policy", owner.policy_path, "--ledger", ledger)
    run_tool("submit", tmp_path / "tool-uses.tool", "--from", "anna", *common)
    assert "no version was approved before" in run_tool("review", "tool-uses", *common)
    run = ("run", "tool-uses", "--for", "zoe", "--parameter", "least_s=1", "--on", "local", *common)
    with pytest.raises(ConflictError, match="is approved by 0 of 2 persons"):
        run_tool(*run)
    shown = run_tool("approve", "tool-uses", "--as", "ben", "--key", tmp_path / "ben.key", *common)
    assert "by 1 of 2 persons: it may not be run yet" in shown
    shown = run_tool("approve", "tool-uses", "--as", "cleo", "--key", tmp_path / "cleo.key", *common)
    assert "by 2 of 2 persons: it may be run" in shown
    assert "may be run, approved by ben, cleo" in run_tool("list", *common)
    assert "zoe was charged 0 of 65536 bits" in run_tool(*run, "--dry-run")
    with pytest.raises(OptionError, match=r"the tool reads detections, and --archive is of codes"):
        run_tool(*run, "--archive", tmp_path)
    shown = run_tool(*run, "--json", tmp_path / "ran.json")
    assert "run           1 of tool-uses 1.0 for zoe, 2758 bits charged" in shown
    run_tool("release", "zoe", "--out", tmp_path / "zoe.json", "--ledger", ledger)
    released = json.loads((tmp_path / "zoe.json").read_text())["runs"][0]["tables"]["uses"]["rows"]
    run_tool(
        "test",
        EXAMPLE,
        "--parameter",
        "least_s=1",
        "--seed",
        "3",
        "--least-cell",
        "5",
        "--json",
        tmp_path / "mock.json",
    )
    assert json.loads((tmp_path / "mock.json").read_text())["tables"]["uses"]["rows"] == released
    run_tool("revoke", "tool-uses", "--reason", "done", "--ledger", ledger)
    with pytest.raises(ConflictError, match="is revoked"):
        run_tool(*run)
    assert "run 1  tool-uses@1.0 for zoe: ok, 2758 bits" in run_tool("list", "--runs", *common)


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize("reads", ["codes", "plain"])
def test_codes_and_plain_frames_are_read_in_the_sandbox(reads: str, tmp_path: Path):
    code = {
        "codes": """
import pyarrow.parquet as pq
frames = pq.read_table("/data/frames.parquet", columns=["site", "code"])
pq.read_table("/data/boxes.parquet")
n = len(frames) if all(frames["code"].to_pylist()) else 0
""",
        "plain": """
import sys
import numpy as np
n = 0
while line := sys.stdin.buffer.readline():
    height, width = map(int, line.split())
    frame = np.frombuffer(sys.stdin.buffer.read(height * width * 3), np.uint8).reshape(height, width, 3)
    assert frame.shape == (180, 320, 3) and frame.std() > 5
    n += 1
""",
    }[reads]
    resources = {"seconds": 60, "memory_mb": 1024, "processes": 8}
    table = {"rows": 1, "cell": "n", "columns": {"n": {"least": 0, "most": 1000, "step": 1}}}
    written = "open('/out/t.csv', 'w').write(f'n\\n{n}\\n')"
    package = packed(tmp_path / "tool", code + written, reads=reads, resources=resources, writes={"t": table})
    tried = try_tool(package, {}, seed=0, least_cell=0, progress=LineProgress())
    assert tried.refused_by is None, tried.messages
    assert tried.tables["t"].rows == (("80",),)


@pytest.mark.slow
@pytest.mark.ray
@needs_sandbox
def test_a_tool_runs_on_ray_as_it_does_here_and_ends_with_its_worker(tmp_path: Path):
    from jobs.run_tool import tool_on_ray
    from raypp.execution import ExecutionSettings, On

    execution = ExecutionSettings(on=On.RAY)
    data = ToolData(Reads.DETECTIONS, "one use", {"uses": pa.table({"tool": ["saw"]})})
    code = "import os; n = os.path.getsize('/data/uses.parquet')\n"
    package = packed(tmp_path / "tool", code + "open('/out/t.csv', 'w').write(f'code,n\\na,{n > 0:d}\\n')")
    task = ToolTask(package.content, {}, data)
    assert tool_on_ray(task, execution).files == run_task(task).files == {"t.csv": b"code,n\na,1\n"}
    sleeps = packed(tmp_path / "sleeps", "import time\ntime.sleep(55)  # until killed", resources={"seconds": 60})
    with ThreadPoolExecutor(1) as threads:
        lost = threads.submit(tool_on_ray, ToolTask(sleeps.content, {}, data), execution)
        _until(lambda: len(_sandboxes()) == 1, 60)
        (bubblewrap,) = _sandboxes()
        inside = bubblewrap.children(recursive=True)
        os.kill(bubblewrap.ppid(), signal.SIGKILL)
        with pytest.raises(RayppError, match="the run was lost with its worker"):
            lost.result(timeout=60)
    _until(lambda: not any(map(_is_running, (bubblewrap, *inside))), 4)


def _sandboxes() -> list[psutil.Process]:
    """Sandboxes of Ray's workers."""
    return [process for process in psutil.process_iter() if _starts(process) and process.children()]


def _starts(process: psutil.Process) -> bool:
    try:
        parent = process.parent()
        return process.name() == "bwrap" and parent is not None and parent.name().startswith("ray::")
    except psutil.NoSuchProcess:
        return False


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@needs_sandbox
def test_an_empty_tool_starts_within_three_tenths_of_a_second(tmp_path: Path):
    package = packed(write_tool(tmp_path / "tool").parent / "tool", "open('/out/t.csv', 'w').write('code,n\\n')")
    times = []
    for _ in range(20):
        began = time.monotonic()
        assert run_task(ToolTask(package.content, {}, text_data())).ended == 0
        times.append(time.monotonic() - began)
    print(f"\nstart of an empty tool: median {sorted(times)[10]:.3f} s, longest {max(times):.3f} s of 20")
    assert sorted(times)[10] <= 0.3


def _until(holds, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
