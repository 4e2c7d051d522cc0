"""Coordinator and sites as processes of their own: killed with -9, out of reach, and seen from the wire."""

import hashlib
import json
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from raypp.collective.plan import load_collective_plan
from raypp.collective.ring import UpdateRing
from raypp.detect.bundle import read_bundle
from tests.collective.running import Training, kill
from tests.collective.vector_site import vector_for
from tests.command import raypp, succeed
from tests.videos import make_dataset

pytestmark = pytest.mark.slow
_ONE_ROUND = "rounds: 1\nattempts: 1\n"


class Relay:
    """Passes on connections to a port, and keeps all bytes that sites send."""

    def __init__(self, port: int) -> None:
        self._to, self.sent = port, bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            there, _ = self._listener.accept()
            onward = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._pass, args=(there, onward, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(onward, there, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, kept: bool) -> None:
        try:
            while piece := source.recv(1 << 16):
                if kept:
                    self.sent += piece
                target.sendall(piece)
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()


def _sum_of(training: Training, sites: list[str], before: bytes) -> str:
    """Digest of the weights after a round of some sites, in plain whole numbers."""
    plan = load_collective_plan(training.plan)
    vectors = [vector_for(plan, site, len(before) // 4) for site in sites]
    total = np.sum(vectors, axis=0, dtype=np.uint32)
    mean, _ = UpdateRing(plan.clip, len(plan.sites), plan.most_frames).decode(total)
    return hashlib.sha256((np.frombuffer(before, dtype="<f4") + mean).astype("<f4").tobytes()).hexdigest()


def _weights(training: Training) -> bytes:
    (path,) = training.coordinator.glob("weights-*")
    return path.read_bytes()


@pytest.mark.parametrize(("sites", "fields"), [(3, "two: true\nthreshold: 2\n"), (4, "")])
def test_the_sum_is_the_plain_one_though_a_site_is_killed_after_its_shares(tmp_path: Path, sites, fields) -> None:
    training = Training(tmp_path, sites, _ONE_ROUND + fields).prepare()
    coordinator = training.open()
    before = _weights(training)
    processes = {name: training.hand_in(name, training.port, stops=name == "plant-2") for name in training.names}
    training.wait_for("plant-2", "stopped", processes["plant-2"])
    kill(processes["plant-2"])
    staying = [name for name in training.names if name != "plant-2"]
    wanted = _sum_of(training, staying, before)
    for name in staying:
        assert wanted in training.end(processes[name], name)
    training.wait_for("coordinator", "finished", coordinator)
    state = json.loads((training.coordinator / "coordinator.json").read_text())
    assert (state["round"], state["model"]) == (2, wanted)
    kill(coordinator)


def test_below_the_threshold_nothing_but_masked_bytes_is_on_wire_and_disk(tmp_path: Path) -> None:
    training = Training(tmp_path, 3, _ONE_ROUND).prepare()
    coordinator, relay = training.open(), Relay(training.port)
    before = _weights(training)
    processes = {name: training.hand_in(name, relay.port, stops=name == "plant-3") for name in training.names}
    training.wait_for("plant-3", "stopped", processes["plant-3"])
    kill(processes["plant-3"])
    assert coordinator.wait(120) == 1
    assert "2 of 3 sites sent their vectors, and it takes 3; nothing was opened" in training.log("coordinator")
    for name in ("plant-1", "plant-2"):
        kill(processes[name])
    assert len(relay.sent) > 2 * len(before), "two masked vectors have passed"
    on_disk = b"".join(path.read_bytes() for path in training.coordinator.rglob("*") if path.is_file())
    for place in (bytes(relay.sent), on_disk):
        windows = {place[start : start + 16] for start in range(len(place) - 16)}
        for name in training.names:
            plain = vector_for(load_collective_plan(training.plan), name, len(before) // 4).tobytes()
            assert not any(plain[start : start + 16] in windows for start in range(0, len(plain) - 16, 64))
    assert before in on_disk, "the search finds what is there"
    assert _weights(training) == before


def test_owners_with_keys_of_their_own_train_and_go_on_after_every_process_was_killed(tmp_path: Path) -> None:
    training = Training(tmp_path, 3, "rounds: 3\n").prepare()
    make_dataset(tmp_path / "tools", 18)
    archives = {name: tmp_path / f"{name}-veiled" for name in training.names}
    for name, archive in archives.items():
        key = tmp_path / f"{name}.key"
        succeed("veil", tmp_path / "tools", "--out", archive, "--key", key, "--size", 96, "--on", "local")
    shown = succeed("collective", *training.join_words("plant-1", archives["plant-1"]), "--dry-run").stderr
    assert "kept" in shown
    assert not (tmp_path / "plant-1").exists()
    coordinator = training.open()
    processes = {name: training.join(name, archive) for name, archive in archives.items()}
    training.wait_for("coordinator", "round 1/3: opened", coordinator)
    second = raypp("collective", *training.join_words("plant-1", archives["plant-1"]))
    assert second.returncode == 1
    assert "is in use by another `raypp collective join`" in second.stderr
    processes["plant-3"].terminate()
    assert processes.pop("plant-3").wait(60) == 143, "it does not wait until its round is trained"
    for process in (processes["plant-2"], coordinator, *processes.values()):
        kill(process)
    coordinator = training.open()
    processes = {name: training.join(name, archive) for name, archive in archives.items()}
    for name, process in processes.items():
        assert "collective.model" in training.end(process, name)
    assert coordinator.wait(60) == 0
    bundles = {name: read_bundle(tmp_path / name / "collective.model") for name in training.names}
    first, other = bundles["plant-1"], bundles["plant-2"]
    assert len({bundle.header.info.veil_id for bundle in bundles.values()}) == 3
    same = {name for name, tensor in first.tensors.items() if tensor.equal(other.tensors[name])}
    adapter = {name for name in first.tensors if ".embed." in name or ".mix." in name}
    assert adapter
    assert not adapter & same
    learned = {name for name in first.tensors if name.endswith((".weight", ".bias"))}
    assert {name for name in learned - same if not name.startswith("model.3.")} == set()
    succeed("evaluate", archives["plant-1"], "--model", tmp_path / "plant-1" / "collective.model")
    assert "3 of 3 opened, finished" in succeed("collective", "status", training.coordinator).stderr
    wrong = raypp("collective", *training.join_words("plant-1", archives["plant-2"]), "--out", tmp_path / "other")
    assert wrong.returncode == 1
