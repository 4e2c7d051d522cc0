"""A program in the sandbox: what it sees, what it may do, and that its end comes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from raypp.sandbox.limits import SandboxLimits
from raypp.sandbox.run import run_program
from raypp.sandbox.staging import staging_folder
from tests.command import ROOT
from tests.sandbox.isolated import needs_sandbox, processes_that_see, program, run

pytestmark = needs_sandbox


def test_declared_files_come_out_and_the_program_is_nobody():
    outcome = run("import os; open('/out/out.csv', 'w').write(f'{os.getuid()} {os.getppid() < 10}')")
    uid, few = outcome.files["out.csv"].split()
    assert outcome.ended == 0
    assert int(uid) >= 65534
    assert few == b"True"


def test_it_sees_its_folders_and_writes_to_scratch_and_out_alone():
    outcome = run(
        textwrap.dedent("""
        import os
        done = []
        for path in ("/data/given", "/data/new", "/program/new", "/new", "/dev/new", "/usr/lib/new", "/packages/new"):
            try:
                open(path, "w")
                done.append(path)
            except OSError:
                pass
        open("/tmp/scratch", "w").write("x")
        assert open("/data/given").read() == "given"
        assert not os.path.exists("/home") and not os.path.exists("/work")
        assert os.listdir("/proc/self/fd") == ["0", "1", "2", "3"], os.listdir("/proc/self/fd")
        open("/out/out.csv", "w").write(str(done))
        """)
    )
    assert outcome.files == {"out.csv": b"[]"}, outcome.messages


def test_packages_of_the_owner_can_be_imported():
    outcome = run("import numpy, pyarrow.parquet; open('/out/out.csv', 'w').write(str(numpy.arange(4).sum()))")
    assert outcome.files == {"out.csv": b"6"}, outcome.messages


@pytest.mark.parametrize(
    ("code", "ended"),
    [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9), ("1 / 0", 1)],
)
def test_how_it_ended_is_kept(code: str, ended: int):
    assert run(code).ended == ended


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "import signal, time\nfor n in {*range(1, 32)} - {9, 19}: signal.signal(n, signal.SIG_IGN)\ntime.sleep(60)",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\ntime.sleep(60)",
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nimport time; time.sleep(60)",
    ],
    ids=["sleeps", "ignores signals", "has children", "stops what watches it"],
)
def test_the_deadline_ends_everything(code: str):
    with program(code) as given:
        began = time.monotonic()
        outcome = run_program(given, SandboxLimits(seconds=1))
        assert time.monotonic() - began < 1 + 2
        assert (outcome.ended, outcome.files) == (None, {})
        until = time.monotonic() + 2
        while processes_that_see(given.code) and time.monotonic() < until:
            time.sleep(0.02)
        assert processes_that_see(given.code) == []


def test_what_a_program_leaves_running_is_ended_with_it():
    code = (
        "import os, time\nif os.fork() == 0:\n    time.sleep(60)\n    os._exit(0)\nopen('/out/out.csv', 'w').write('x')"
    )
    began = time.monotonic()
    outcome = run(code)
    assert (outcome.ended, outcome.files) == (0, {"out.csv": b"x"})
    assert time.monotonic() - began < 5


def test_memory_and_files_are_bounded():
    grown = "import mmap\nparts = []\nfor _ in range(20):\n    part = mmap.mmap(-1, 10 << 20)\n"
    outcome = run(grown + "    part.write(bytes(10 << 20))\n    parts.append(part)", memory_mb=100)
    assert outcome.ended != 0
    assert b"Cannot allocate memory" in outcome.messages or outcome.ended == -signal.SIGKILL
    assert run("open('/tmp/large', 'w').write('x' * (3 << 20))", scratch_mb=1).ended == 1
    large = run("open('/out/out.csv', 'w').write('x' * 1500)", output_kb=1)
    assert (large.files, large.unfit) == ({}, {"out.csv": "large"})


def test_processes_together_are_bounded_where_control_groups_are():
    """Four times 60 MB, within 128 MB."""
    code = "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        part = b'x' * (60 << 20)\n"
    code += "        time.sleep(0.5)\n        os._exit(0)\nstates = [os.wait()[1] for _ in range(4)]\n"
    outcome = run(code + "open('/out/out.csv', 'w').write(str(sum(state == 0 for state in states)))", memory_mb=128)
    if outcome.unbounded:
        assert "no control group may be made here" in outcome.unbounded[0]
        pytest.skip("this machine lets no control group be made")
    assert int(outcome.files.get("out.csv", b"0")) < 4


def test_messages_are_kept_to_a_bound():
    outcome = run("print('x' * 500_000)", output_kb=4)
    assert outcome.ended == 0
    assert 4096 <= len(outcome.messages) < 4096 + (1 << 16)


def test_what_it_is_fed_comes_in_by_the_pipe():
    code = "import sys; data = sys.stdin.buffer.read(); open('/out/out.csv', 'w').write(str(len(data)))"
    with program(code) as given:
        outcome = run_program(given, SandboxLimits(seconds=20), iter([b"x" * 300_000, b"", b"y" * 5]))
    assert outcome.ended == 0
    with program("open('/out/out.csv', 'w').write('did not read')") as given:
        assert run_program(given, SandboxLimits(seconds=20), iter([b"x" * 300_000] * 20)).ended == 0


def test_a_killed_owner_leaves_no_sandbox_and_the_next_run_clears_its_folder(tmp_path: Path):
    script = f"""
import tempfile; tempfile.tempdir = {str(tmp_path)!r}
from raypp.sandbox.launch import SandboxProgram
from raypp.sandbox.limits import SandboxLimits
from raypp.sandbox.run import run_program
from raypp.sandbox.staging import staging_folder
with staging_folder() as folder:
    for name in ("code", "data"): (folder / name).mkdir()
    (folder / "code" / "main.py").write_text("import time; print('begun', flush=True); time.sleep(60)")
    print("staged", flush=True)
    run_program(SandboxProgram(folder / "code", None, folder / "data", "main.py", ()), SandboxLimits(seconds=50))
"""
    worker = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"staged\n"
    _until(lambda: len(processes_that_see(tmp_path)) >= 2, 20)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    _until(lambda: processes_that_see(tmp_path) == [], 4)
    assert len(list(tmp_path.iterdir())) == 1
    before = os.environ.get("TMPDIR")
    import tempfile

    tempfile.tempdir = str(tmp_path)
    try:
        with staging_folder() as folder:
            assert list(tmp_path.iterdir()) == [folder]
    finally:
        tempfile.tempdir = before


def test_a_program_that_writes_to_the_pipe_itself_gains_nothing():
    """Its lines are vetted like those of the sandbox; files that are not declared do not come out."""
    code = """
import os
line = b'{"ended": 0, "undeclared": 0, "files": [["../key", "file", 3], ["out.csv", "file", 2]]}\\nkeyok'
for number in range(3, 20):
    try:
        os.write(os.open(f"/proc/{os.getppid()}/fd/{number}", os.O_WRONLY), line)
    except OSError:
        pass
os.kill(os.getppid(), 9)
"""
    outcome = run(code)
    assert set(outcome.files) <= {"out.csv"}


def _until(holds, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
