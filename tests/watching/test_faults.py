"""A real Prometheus reads a real service; three faults are made, and their alerts fire."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from raypp.io.ports import free_ports
from tests.disks import fill, small_disk
from tests.serving.bundles import some_codes
from tests.serving.running import Camera, Connection, Service, bearer, running_service
from tests.watching.expressions import RULES

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
        with _prometheus(service, tmp_path) as firing:
            with _streaming(service, token) as stream:
                for sequence in range(1, 12):
                    stream.chunk(sequence, codes, 8 * (sequence - 1))
                    stream.committed()
                    time.sleep(1)
                assert firing() == set()
            _wait_for("RayppSiteSilent", firing)
            taken = fill(disk, leave_bytes=0)
            with pytest.raises(grpc.RpcError, match="is full; make room"), _streaming(service, token) as stream:
                stream.chunk(12, codes, 88)
                stream.committed()
            _wait_for("RayppLedgerFull", firing)
            taken.unlink()
            (disk / "tools.model").write_bytes(b"no model")
            (detector,) = service.replicas("Detector")
            os.kill(detector.pid, signal.SIGKILL)
            _wait_for("RayppDetectorDown", firing)
            assert firing.series("ray_raypp_gateway_streams") == 1  # set long ago, and still exported


@contextmanager
def _streaming(service: Service, token: str) -> Iterator[Connection]:
    with Connection(Camera("plant-1", "gate", live=True), service.stub(), bearer(token)) as stream:
        stream.open()
        yield stream


@contextmanager
def _prometheus(service: Service, folder: Path) -> Iterator["Firing"]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs Prometheus: apt-get install prometheus")
    config = yaml.safe_load((RULES.parent / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{service.metrics_port}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (folder / RULES.name).write_text(re.sub(r"^( +for:) .*$", r"\1 2s", RULES.read_text(), flags=re.MULTILINE))
    (port,) = free_ports(1)
    call = [
        program, f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(call, stderr=log, stdout=log) as process:
        try:
            yield Firing(port)
        finally:
            process.terminate()
    assert "uplicate sample" not in (folder / "prometheus.log").read_text()


class Firing:
    """Names of the alerts that Prometheus says are firing."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1"

    def __call__(self) -> set[str]:
        alerts = self._ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def series(self, query: str) -> int:
        """How many series a query gives just now."""
        return len(self._ask(f"query?query={query}")["result"])

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._address}/{path}", timeout=10) as answer:  # noqa: S310 - our own address
            data: dict[str, Any] = json.load(answer)["data"]
        return data


def _wait_for(alert: str, firing: Firing) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while alert not in (seen := firing()):
        assert time.monotonic() < deadline, (alert, seen)
        time.sleep(1)
