"""The registry's models on a running service: taken, kept over a killed replica, rolled back, and a shadow."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import grpc
import pytest

from raypp.bench.sample_bundle import write_sample_bundle
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.model_agreement import Agreement, AgreementBook
from raypp.ledger.model_history import models_at
from raypp.ledger.model_registry import ModelRegistry
from raypp.ledger.model_values import RegisteredModel
from raypp.registry.addition import add_model
from raypp.registry.promotion import roll_back
from raypp.usage.episode import StreamName
from tests.e2e.serve.talk import Site, connected, detected_alone
from tests.serving.bundles import eager_model, some_codes
from tests.serving.running import FRAME_US, START_US, Service

pytestmark = [pytest.mark.slow, pytest.mark.ray]

CODES = some_codes(40)
TIMES = 5
WITHIN_S = 600


class SteadyStream:
    """One camera that streams on whatever happens, four frames a chunk; knows which model each chunk is of."""

    def __init__(self, service: Service, site: Site) -> None:
        self._service, self._site = service, site
        self.ran: list[str] = []

    def until(self, model_id: str | None, more: int = 3) -> float:
        """Stream until a model (None: any) has committed some chunks; return the seconds to the first of them."""
        begin, first_s, number, trouble = time.monotonic(), 0.0, 0, ""
        while time.monotonic() - begin < WITHIN_S:
            try:
                with connected(self._service, self._site) as stream:
                    opened = stream.open()
                    assert opened.resume_after == len(self.ran), "what was committed is known to be"
                    while True:
                        place = 4 * len(self.ran) % len(CODES)
                        stream.chunk(len(self.ran) + 1, CODES[place : place + 4], 4 * len(self.ran))
                        stream.committed()
                        self.ran.append(opened.model.model_id)
                        if model_id in {None, opened.model.model_id}:
                            first_s, number = first_s or time.monotonic() - begin, number + 1
                            if number == more:
                                return first_s
            except (grpc.RpcError, AssertionError, StopIteration) as error:
                trouble = str(error)
                time.sleep(0.05)
        raise AssertionError(f"no model {model_id} within {WITHIN_S} s; ran {self.ran}; {trouble}")


@contextmanager
def two_models(service: Service) -> Iterator[tuple[ModelRegistry, RegisteredModel, RegisteredModel]]:
    """Two bundles with the same weights in the service's registry; none of them is live afterwards."""
    model, info = eager_model()
    twin = write_sample_bundle(
        service.place / "twin.model", info.model_copy(update={"labels_version": "tools-v2"}), model
    )
    with service.ledger() as ledger:
        registry = ModelRegistry(ledger)
        paths = (service.place / "tools.model", twin)
        first, second = (add_model(registry, path, service.place / "models") for path in paths)
        try:
            yield registry, first, second
        finally:
            with ledger.database.write() as connection:
                connection.exec_driver_sql("DELETE FROM model_aliases")


def test_many_promotions_and_rollbacks_lose_nothing(service: Service, site: Site) -> None:
    promoted_s, rolled_back_s = [], []
    stream = SteadyStream(service, site)
    with two_models(service) as (registry, first, second):
        registry.promote(first, None, (), None)
        stream.until(first.model_id)
        for _ in range(TIMES):
            registry.promote(second, first, (), None)
            promoted_s.append(stream.until(second.model_id))
            roll_back(registry, first.veil_id)
            rolled_back_s.append(stream.until(first.model_id))
    for what, seconds in (("promotion", promoted_s), ("rollback", rolled_back_s)):
        shown = ", ".join(f"{each:.2f}" for each in seconds)
        print(f"{what}: median {median(seconds):.2f} s, worst {max(seconds):.2f} s ({shown})")
    print(f"{4 * len(stream.ran)} frames")
    check_ledger_of(service, site, stream)


def test_a_detector_that_is_killed_comes_back_with_the_live_model(service: Service, site: Site) -> None:
    stream = SteadyStream(service, site)
    with two_models(service) as (registry, first, second):
        registry.promote(first, None, (), None)
        stream.until(first.model_id)
        registry.promote(second, first, (), None)
        stream.until(second.model_id)
        (detector,) = service.replicas("Detector")
        os.kill(detector.pid, signal.SIGKILL)
        begun = len(stream.ran)
        stream.until(None, 6)
        assert not detector.is_running()
        assert set(stream.ran[begun:]) == {second.model_id}, "and not with the file that --model names"
        (detector,) = service.replicas("Detector")
        roll_back(registry, first.veil_id)
        os.kill(detector.pid, signal.SIGKILL)
        stream.until(first.model_id)
    check_ledger_of(service, site, stream)


def test_a_shadow_of_the_same_weights_agrees_and_changes_nothing(service: Service, site: Site) -> None:
    stream, agreement = SteadyStream(service, site), Agreement()
    with two_models(service) as (registry, first, second):
        registry.promote(first, None, (), None)
        stream.until(first.model_id)
        registry.set_alias("shadow", second)
        begin = time.monotonic()
        while not agreement.frames and time.monotonic() - begin < WITHIN_S:
            stream.until(first.model_id, 20)
            with service.ledger() as ledger:
                agreement = sum((each.agreement for each in AgreementBook(ledger).kept()), Agreement())
        registry.drop_alias("shadow", second)
    print(f"{agreement.frames} frames compared, {agreement.passed_over} passed over, of {4 * len(stream.ran)}")
    assert agreement.frames == agreement.alike > 0
    assert agreement.total.share == 1
    assert set(stream.ran) == {first.model_id}, "the shadow has counted for nothing"
    check_ledger_of(service, site, stream)


def check_ledger_of(service: Service, site: Site, stream: SteadyStream) -> None:
    """See that the ledger has each frame once, with its detections, and knows the model of each chunk."""
    name, alone = StreamName(site[0], "gate", START_US), detected_alone(service, CODES)
    with service.ledger() as ledger:
        frames = list(ledger.frames(name))
        assert [frame.frame_index for frame in frames] == list(range(4 * len(stream.ran)))
        assert all(frame.detections == alone[frame.frame_index % 40].detections for frame in frames)
        chunks = range(len(stream.ran))
        at = [models_at(Ledgers.around(ledger), START_US + 4 * number * FRAME_US, site[0])[0] for number in chunks]
    assert [each.model_id for each in at] == stream.ran
