import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raypp.errors import ConflictError, ShardError
from raypp.shards.store import Store
from tests.command import ROOT


def _python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def test_a_file_appears_only_when_its_block_ends_well(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with store.create("shards/ab/one.parquet") as file:
        file.write(b"first ")
        assert not store.exists("shards/ab/one.parquet")
        file.write(b"second")
    assert store.read("shards/ab/one.parquet") == b"first second"
    assert store.size("shards/ab/one.parquet") == 12
    with store.open_input("shards/ab/one.parquet") as opened:
        opened.seek(6)
        assert opened.read() == b"second"


def test_a_block_that_raises_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_atomic("one", b"old")
    with pytest.raises(KeyError), store.create("one") as file:
        file.write(b"new")
        raise KeyError
    assert store.read("one") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}//", "file://{}", "file://{}/"])
def test_names_do_not_depend_on_how_the_root_is_spelled(spelling: str, tmp_path: Path) -> None:
    store = Store(spelling.format(tmp_path / "out"))
    for name in ("shards/b/2", "shards/a/1", "manifest", "shards/a/.hidden"):
        store.write_atomic(name, b"x")
    assert store.listing("shards") == ["shards/a/1", "shards/b/2"]
    assert store.listing("") == ["manifest", "shards/a/1", "shards/b/2"]
    assert store.listing("nowhere") == []
    with store.lock():
        pass


def test_a_relative_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for root in (".", "./out", "out/../other"):
        Store(root).write_atomic("shards/a", b"x")
        assert Store(root).listing("shards") == ["shards/a"]


def test_a_writer_killed_in_the_middle_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    code = """
import os, sys
from raypp.shards.store import Store
with Store(sys.argv[1]).create("shards/ab/one.parquet") as file:
    file.write(b"half of it")
    file.flush()
    os._exit(9)
"""
    done = subprocess.run(_python(code, tmp_path), env=_environment(), check=False)
    assert done.returncode == 9
    store = Store(str(tmp_path))
    assert not store.exists("shards/ab/one.parquet")
    assert len(list(tmp_path.rglob(".one.parquet.*.tmp"))) == 1
    assert store.listing("") == []
    store.write_atomic("kept", b"x")
    store.sweep()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "kept"]


def test_a_missing_file_is_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match=r"shards/none\.parquet") as caught:
        Store(str(tmp_path)).read("shards/none.parquet")
    assert "\n" not in str(caught.value)


def test_what_another_process_has_deleted_is_gone_as_well(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_atomic("mark", b"1")
    store.delete("mark")
    store.delete("mark")
    assert not store.exists("mark")


def test_a_root_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    store = Store(str(tmp_path / "taken"))
    with pytest.raises(ShardError, match="taken"):
        store.write_atomic("one", b"x")
    with pytest.raises(ShardError, match="taken"), store.lock():
        pass


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False, capture_output=True
    )
    if not mount or mount.returncode:
        pytest.skip("needs the right to mount a tmpfs; run as root")
    try:
        with pytest.raises(ShardError, match=r"big\.parquet: No space left.*free some space"):
            Store(str(small)).write_atomic("big.parquet", bytes(1 << 20))
        assert not [path for path in small.rglob("*") if path.is_file()]
    finally:
        subprocess.run(["umount", str(small)], check=True)


_HOLD = """
import sys, time
from raypp.shards.store import Store
with Store(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_names_its_holder_and_ends_with_kill_9(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    with subprocess.Popen(
        _python(_HOLD, tmp_path / "out"), env=_environment(), stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            with pytest.raises(ConflictError, match=rf"out is held by process {holder.pid} on "), store.lock():
                pass
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
    with store.lock():
        pass


def _count(root: str, rounds: int) -> None:
    done = 0
    while done < rounds:
        try:
            with Store(root).lock():
                path = Path(root, "count")
                value = int(path.read_text()) if path.exists() else 0
                time.sleep(0.001)
                path.write_text(str(value + 1))
                done += 1
        except ConflictError:
            time.sleep(0.001)


def test_two_processes_never_hold_the_lock_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count, args=(str(tmp_path), 25)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (tmp_path / "count").read_text() == "50"


def test_the_lock_of_an_ended_job_tells_nobody_who_held_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    with store.lock():
        assert socket.gethostname() in (tmp_path / "out" / ".lock").read_text()
    assert (tmp_path / "out" / ".lock").read_bytes() == b""
    with pytest.raises(RuntimeError), store.lock():
        raise RuntimeError
    assert (tmp_path / "out" / ".lock").read_bytes() == b""
