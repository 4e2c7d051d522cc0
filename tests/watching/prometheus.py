"""A real Prometheus, configured as the example of cluster/, that reads quickly and fires soon."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from raypp.io.ports import free_ports
from tests.watching.expressions import RULES

_EVERY_S = 5
"""Seconds from reading to reading, and for each: on a busy machine, Ray's exporter takes more than one."""

_STARTS_WITHIN_S = 60


class Prometheus:
    """Asks a running Prometheus."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1"
        self._begun = time.time()

    def firing(self) -> set[str]:
        """Names of the alerts that are firing."""
        alerts = self._ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def now(self, query: str) -> list[dict[str, str]]:
        """Labels of each series that a query gives just now."""
        return [series["metric"] for series in self._ask("query", query=query)["result"]]

    def values(self, query: str) -> list[tuple[dict[str, str], list[float]]]:
        """Labels and values of each series that a query has given since the begin."""
        span = {"start": self._begun, "end": time.time(), "step": 1}
        ranges = self._ask("query_range", query=query, **span)["result"]
        return [(series["metric"], [float(value) for _, value in series["values"]]) for series in ranges]

    def _ask(self, path: str, **words: object) -> dict[str, Any]:
        address = f"{self._address}/{path}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - our own address
            data: dict[str, Any] = json.load(answer)["data"]
        return data


@contextmanager
def running_prometheus(metrics_port: int, folder: Path) -> Iterator[Prometheus]:
    """Read what is exported at a port of loopback; fails at the end if two series were one."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs Prometheus: apt-get install prometheus")
    config = yaml.safe_load((RULES.parent / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": f"{_EVERY_S}s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{metrics_port}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (folder / RULES.name).write_text(re.sub(r"^( +for:) .*$", r"\1 2s", RULES.read_text(), flags=re.MULTILINE))
    (port,) = free_ports(1)
    call = [
        program, f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(call, stderr=log, stdout=log) as process:
        try:
            _wait_until_it_is_ready(port)
            yield Prometheus(port)
        finally:
            process.terminate()
    assert "uplicate sample" not in (folder / "prometheus.log").read_text()


def _wait_until_it_is_ready(port: int) -> None:
    """Wait until it answers questions, a little after it listens: on a busy machine, seconds."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=30).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return
