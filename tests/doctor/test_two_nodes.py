"""`raypp cluster doctor` on a real Ray: two nodes in order, then a third where much is wrong."""

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from raypp.ledger.store import Ledger
from tests.command import ROOT, raypp
from tests.ledger.postgres import PostgresServer
from tests.ray_cluster import add_node, running_cluster

pytestmark = [pytest.mark.ray, pytest.mark.slow]

_NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
_NEW_MOUNTS = 0x20000
"""CLONE_NEWNS of unshare(2)."""
_CLOCK = "import time\n_true = time.time_ns\ntime.time_ns = lambda: _true() - 30_000_000_000\n"


def test_each_planted_fault_is_found_and_a_cluster_in_order_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.getuid():
        pytest.skip("needs root, for mounts of a node's own")
    model, place = tmp_path / "tools.model", tmp_path / "archive"
    model.write_bytes(b"bundle")
    place.mkdir()
    with PostgresServer() as postgres:
        url = postgres.database()
        Ledger.open(url).close()
        monkeypatch.setenv("RAYPP_LEDGER", url)
        with running_cluster(_NODE) as cluster:
            second = add_node(cluster, **_NODE)
            options = ("--address", cluster.address, "--model", model, "--place", place)
            status, rows = _doctor(tmp_path, *options)
            assert (status, [what for what, row in rows.items() if row["verdict"] == "WRONG"]) == (0, []), rows
            assert "alike on 2 nodes" in rows["versions"]["says"]
            assert "on 2 nodes" in rows["model"]["says"]
            with _other_mounts(tmp_path, model, place):
                add_node(cluster, **_NODE, env_vars=_planted(tmp_path))
            cluster.remove_node(second, allow_graceful=False)
            status, rows = _doctor(tmp_path, *options)
    assert status == 3
    wrong = {what.split(" ")[0]: row["says"] for what, row in rows.items() if row["verdict"] != "ok"}
    assert "9.9.9 where others have" in wrong["onnxruntime"]
    assert "s behind this machine's; see to time synchronisation" in wrong["clock"]
    assert "where others have" in wrong["model"]
    assert "may not be written to" in wrong["disk"]
    assert "enlarge it" in wrong["shared"]
    assert "there is no ledger" in wrong["ledger"]
    assert "is gone" in wrong["node"]
    assert "RAY_USE_TLS" in wrong["Ray's"]


def _doctor(folder: Path, *options: object) -> tuple[int, dict[str, dict[str, Any]]]:
    done = raypp("cluster", "doctor", *options, "--json", folder / "found.json")
    assert (folder / "found.json").exists(), done.stdout + done.stderr
    rows = {row["what"]: row for row in json.loads((folder / "found.json").read_text())["findings"]}
    assert all(what in done.stdout for what in rows)
    return done.returncode, rows


def _planted(folder: Path) -> dict[str, str]:
    """Variables of a node: another onnxruntime, a clock that is 30 s behind, and a ledger that is not there."""
    planted = folder / "planted"
    about = planted / "onnxruntime-9.9.9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 9.9.9\n")
    (planted / "sitecustomize.py").write_text(_CLOCK)
    return {"PYTHONPATH": f"{planted}:{ROOT}", "RAYPP_LEDGER": f"sqlite:///{folder / 'nowhere.db'}"}


@contextmanager
def _other_mounts(folder: Path, model: Path, place: Path) -> Iterator[None]:
    """Have what is started within the block see another model, a place that is read-only, and little shared memory."""
    (folder / "other.model").write_bytes(b"another bundle")
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
    try:
        if libc.unshare(_NEW_MOUNTS):
            pytest.skip("mounts of its own are not to be had here")
        for mount in (
            ("--make-rprivate", "/"),
            ("--bind", folder / "other.model", model),
            ("-t", "tmpfs", "-o", "ro,size=1m", "none", place),
            ("-t", "tmpfs", "-o", "size=32m", "none", "/dev/shm"),
        ):
            subprocess.run(["mount", *mount], check=True)
        yield
    finally:
        libc.setns(own, 0)
        os.close(own)
