"""Replicas that are killed and models that are replaced, while streams run."""

import hashlib
import os
import signal
import threading
import time
from itertools import groupby

import grpc
import pytest

from raypp.bench.sample_bundle import write_sample_bundle
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.model_history import models_at
from raypp.ledger.model_registry import ModelRegistry
from raypp.registry.addition import add_model
from raypp.registry.promotion import roll_back
from raypp.usage.episode import StreamName
from raypp.usage.fold import Fold
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from tests.e2e.serve.talk import Site, connected, detected_alone, get_page
from tests.serving.bundles import eager_model, some_codes, write_eager_bundle
from tests.serving.running import (
    FRAME_US,
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


def test_a_promotion_and_a_rollback_reach_a_running_stream_without_a_lost_frame(service: Service, site: Site) -> None:
    base, sent, ran = some_codes(40), 0, []

    def stream_until(model_id: str, more: int = 3) -> float:
        """Stream on, opening anew after each failure, until a model has committed some chunks; seconds to the first."""
        nonlocal sent
        begin, first_s, number, deadline = time.monotonic(), 0.0, 0, time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with connected(service, site) as stream:
                    opened = stream.open()
                    sent = opened.resume_after
                    while True:
                        place = 4 * sent % len(base)
                        stream.chunk(sent + 1, base[place : place + 4], 4 * sent)
                        stream.committed()
                        sent += 1
                        ran.append(opened.model.model_id)
                        if opened.model.model_id == model_id:
                            first_s, number = first_s or time.monotonic() - begin, number + 1
                            if number == more:
                                return first_s
            except (grpc.RpcError, AssertionError, StopIteration):
                time.sleep(0.05)
        raise AssertionError(f"model {model_id[:12]} did not run within 120 s; ran: {ran}")

    bundle, twin = service.place / "tools.model", service.place / "twin.model"
    model, info = eager_model()
    write_sample_bundle(twin, info.model_copy(update={"labels_version": "tools-v2"}), model)  # of the same weights
    with service.ledger() as ledger:
        registry = ModelRegistry(ledger)
        first, second = (add_model(registry, path, service.place / "models") for path in (bundle, twin))
        try:
            registry.promote(first, None, (), None)
            stream_until(first.model_id)
            registry.promote(second, first, (), None)
            promoted_s = stream_until(second.model_id)
            reload_model(service, "has the live model twin-")
            roll_back(registry, first.veil_id)
            rolled_back_s = stream_until(first.model_id)
        finally:
            with ledger.database.write() as connection:
                connection.exec_driver_sql("DELETE FROM model_aliases")  # for the tests that follow
        print(f"promoted after {promoted_s:.2f} s, rolled back after {rolled_back_s:.2f} s, {4 * sent} frames")
        assert [model_id for model_id, _ in groupby(ran)] == [first.model_id, second.model_id, first.model_id]
        name, alone = StreamName(site[0], "gate", START_US), detected_alone(service, base)
        alike = [
            SeenFrame(index, START_US + index * FRAME_US, Observation.OBSERVED, alone[index % 40].detections)
            for index in range(4 * sent)
        ]
        assert list(ledger.frames(name)) == alike, "as without the change: nothing lost, nothing twice"
        fold = Fold(SiteSettings.default(), name, info.classes)
        _, changes = fold.advance(fold.begin(), alike)
        episodes = {episode.episode_id: episode for episode in changes.episodes}
        assert {episode.episode_id: episode for episode in ledger.episodes(site[0], limit=None)} == episodes
        at = [models_at(Ledgers.around(ledger), START_US + 4 * number * FRAME_US, site[0])[0] for number in range(sent)]
        assert [each.model_id for each in at] == ran, "the history says which model counted"
    assert promoted_s < 60
    assert rolled_back_s < 60


def reload_model(service: Service, words: str, seconds: float = 60) -> None:
    """Have the service read its bundles again, and wait until it says so."""
    times = service.log_text().count(words)
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + seconds
    while service.log_text().count(words) == times:
        assert time.monotonic() < deadline, service.log_text()
        time.sleep(0.1)
