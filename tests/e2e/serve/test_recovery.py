"""Replicas that are killed and models that are replaced, while streams run."""

import hashlib
import os
import signal
import threading
import time

import grpc
import pytest

from raypp.usage.episode import StreamName
from tests.e2e.serve.talk import Site, connected, detected_alone, get_page
from tests.serving.bundles import some_codes, write_eager_bundle
from tests.serving.running import (
    START_US,
    Service,
)

pytestmark = pytest.mark.ray


def stream_through(service: Service, site: Site, chunks: list[object], deadline_s: float = 90) -> int:
    """Stream chunks of 4 frames, opening anew after every failure; returns how often it was opened."""
    deadline, opened = time.monotonic() + deadline_s, 0
    while time.monotonic() < deadline:
        try:
            with connected(service, site) as stream:
                sequence = stream.open().resume_after
                opened += 1
                while sequence < len(chunks):
                    sequence += 1
                    stream.chunk(sequence, chunks[sequence - 1], 4 * (sequence - 1), last=sequence == len(chunks))
                    stream.committed()
                return opened
        except (grpc.RpcError, AssertionError, StopIteration):
            time.sleep(0.2)
    raise AssertionError(f"not done after {deadline_s} s, opened {opened} times")


def test_a_service_whose_detector_does_not_answer_is_not_ready(service: Service) -> None:
    ready = f"http://127.0.0.1:{service.http_port}/ready"
    (detector,) = service.replicas("Detector")
    assert get_page(ready) == (200, "ready\n")
    detector.send_signal(signal.SIGSTOP)
    try:
        assert get_page(ready) == (503, "no detector answers\n")
    finally:
        detector.send_signal(signal.SIGCONT)
    assert get_page(ready) == (200, "ready\n")


@pytest.mark.parametrize("killed", ["Gateway", "Detector"])
def test_a_killed_replica_costs_no_frame(service: Service, site: Site, killed: str) -> None:
    codes = some_codes(80)
    (victim,) = service.replicas(killed)
    killer = threading.Timer(0.7, lambda: os.kill(victim.pid, signal.SIGKILL))
    killer.start()
    opened = stream_through(service, site, [codes[begin : begin + 4] for begin in range(0, 80, 4)])
    killer.join()
    assert not victim.is_running()
    assert opened >= (2 if killed == "Gateway" else 1)
    with service.ledger() as ledger:
        assert list(ledger.frames(StreamName(site[0], "gate", START_US))) == detected_alone(service, codes)


def test_a_model_is_replaced_while_streams_run(service: Service, site: Site) -> None:
    bundle = service.place / "tools.model"
    kept, codes = bundle.read_bytes(), some_codes(4)
    with connected(service, site) as stream:
        before = stream.open().model.model_id
        stream.chunk(1, codes, 0)
        stream.committed()
        bundle.write_bytes(kept[:-50])
        reload_model(service, "cut short")
        write_eager_bundle(bundle, seed=3, classes=("saw", "hammer"))
        reload_model(service, "cannot take the running model's place")
        stream.chunk(2, codes, 4)
        stream.committed()
        write_eager_bundle(bundle, seed=4)
        reload_model(service, "is read anew: was ")
        stream.chunk(3, codes, 8)
        assert "model" in stream.moving()
    with connected(service, site) as stream:
        opened = stream.open()
        assert opened.resume_after == 2
        assert opened.model.model_id != before
        stream.chunk(3, codes, 8, last=True)
        assert stream.committed().sequence == 3
    bundle.write_bytes(kept)  # for the tests that follow
    reload_model(service, f"is now {hashlib.sha256(kept).hexdigest()[:12]} (yolov8p, ")


def reload_model(service: Service, words: str, seconds: float = 60) -> None:
    """Have the service read its bundles again, and wait until it says so."""
    times = service.log_text().count(words)
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + seconds
    while service.log_text().count(words) == times:
        assert time.monotonic() < deadline, service.log_text()
        time.sleep(0.1)
