"""What the running service exports is what rules and dashboards ask for, and does not grow with its sites."""

import re
import socket
import time
from collections import Counter

import pytest

from tests.e2e.serve.talk import FRONT, Site, connected, get_metrics, get_page
from tests.interfaces import own_address
from tests.serving.bundles import some_codes
from tests.serving.running import Service
from tests.watching.expressions import expressions, metrics_asked_for, of_jobs

pytestmark = pytest.mark.ray

_WITHIN_S = 60
_MOST_SERIES = 300
_TAGS = {
    "application", "deployment", "replica", "admission", "status", "reason", "model_id", "engine", "channel", "outcome",
    "state", "le", "Component", "NodeAddress", "SessionName", "Version", "WorkerId",
}  # fmt: skip
_IDLE = {
    "ray_raypp_alerts_tried_total",
    "ray_raypp_alerts_waiting",
    "ray_raypp_alerts_dead",
    "ray_raypp_alerts_oldest_s",
}
"""Of the sender of alerts, which this service has no channel for."""
_RARE = {"ray_raypp_gateway_reaped_total"}


def test_rules_and_dashboards_ask_for_what_is_exported(service: Service, site: Site) -> None:
    codes = some_codes(8)
    with connected(service, site, live=True) as stream:
        stream.open()
        stream.chunk(1, codes, 0)
        stream.committed()
    with connected(service, site, veil_id="cd" * 32) as other:
        other.send(other.camera.open())
        other.error()
    status, _ = get_page(f"http://127.0.0.1:{service.http_port}/", authorization="Bearer unknown", **FRONT)
    assert status == 401
    named = {
        name for each in expressions().values() for name in metrics_asked_for(each) if name.startswith("ray_")
    } - _IDLE - _RARE - of_jobs()  # fmt: skip
    deadline, missing = time.monotonic() + _WITHIN_S, named
    while missing and time.monotonic() < deadline:
        time.sleep(0.5)
        missing = named - {name for name, _ in _exported(service)}
    assert missing == set()


def test_a_replica_has_few_series_and_no_label_of_a_site(service: Service) -> None:
    series = Counter(re.search(r'replica="(\w+)"', labels) for name, labels in _exported(service))
    ours = [labels for name, labels in _exported(service) if name.startswith("ray_raypp_")]
    assert ours
    tags = {tag for labels in ours for tag in re.findall(r'(\w+)="', labels)}
    assert {tag for tag in tags if not tag.startswith("otel_")} <= _TAGS
    of_replicas: Counter[str] = Counter()
    for replica, count in series.items():
        if replica is not None:
            of_replicas[replica[1]] += count
    assert 0 < max(of_replicas.values()) <= _MOST_SERIES


def test_metrics_are_read_with_their_token_on_loopback_and_by_nobody_else(service: Service) -> None:
    assert get_metrics(service)[0] == 200
    for token in (None, "0" * 32):
        status, text = get_metrics(service, token)
        assert status == 401
        assert "ray_" not in text
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own_address(), service.metrics_port), timeout=10)


def _exported(service: Service) -> list[tuple[str, str]]:
    """Name and labels of each series."""
    return re.findall(r"^(\w+)\{(.*)\} ", get_metrics(service)[1], re.MULTILINE)
