"""A real Prometheus reads a real service; three faults are made, and their alerts fire."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tests.disks import fill, small_disk
from tests.serving.bundles import some_codes
from tests.serving.running import Camera, Connection, Service, bearer, running_service
from tests.watching.prometheus import Prometheus, running_prometheus

pytestmark = [pytest.mark.ray, pytest.mark.slow]

_WITHIN_S = 120
_REAP_AFTER_S = 3


def test_a_silent_site_a_full_ledger_and_a_lost_detector_raise_their_alerts(tmp_path: Path) -> None:
    codes = some_codes(8)
    settings = {"reap_every_s": 0.5, "detectors": {"least": 1, "most": 1}}
    with small_disk(tmp_path / "disk", 48) as disk, running_service(disk, settings) as service:
        token = service.site("plant-1")
        with service.ledger() as ledger:
            ledger.configure("plant-1", f"reap_after_s: {_REAP_AFTER_S}\n")
        with running_prometheus(service.metrics_port, tmp_path) as prometheus:
            with _streaming(service, token) as stream:
                for sequence in range(1, 12):
                    stream.chunk(sequence, codes, 8 * (sequence - 1))
                    stream.committed()
                    time.sleep(1)
                assert prometheus.firing() == set()
            _wait_for("RayppSiteSilent", prometheus)
            taken = fill(disk, leave_bytes=0)
            with pytest.raises(grpc.RpcError, match="is full; make room"), _streaming(service, token) as stream:
                stream.chunk(12, codes, 88)
                stream.committed()
            _wait_for("RayppLedgerFull", prometheus)
            taken.unlink()
            (disk / "tools.model").write_bytes(b"no model")
            (detector,) = service.replicas("Detector")
            os.kill(detector.pid, signal.SIGKILL)
            _wait_for("RayppDetectorDown", prometheus)
            assert len(prometheus.now("ray_raypp_gateway_streams")) == 1  # set long ago, and still exported


@contextmanager
def _streaming(service: Service, token: str) -> Iterator[Connection]:
    with Connection(Camera("plant-1", "gate", live=True), service.stub(), bearer(token)) as stream:
        stream.open()
        yield stream


def _wait_for(alert: str, prometheus: Prometheus) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while alert not in (seen := prometheus.firing()):
        assert time.monotonic() < deadline, (alert, seen)
        time.sleep(1)
