"""Two services beside each other, blue and green, of two versions and two models: the front leads there and back."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.store import Ledger
from raypp.serving.bundles import describe_bundle
from tests.compatibility.previous import neighbour_tree
from tests.compatibility.two_versions import FPS, SITE, WITHIN_S, ServicePlace, TwoVersions, wait_until
from tests.serving.front import running_front

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1500)]

_CAMERAS = {"bench-1": "before", "bench-2": "now"}
"""Versions of their agents."""
_SECONDS = 150
_STREAM_AGE_S = 10
_SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[TwoVersions]:
    running = TwoVersions(tmp_path, neighbour_tree(tmp_path / "before"), [*_CAMERAS], _SECONDS)
    yield running
    running.close()


def test_streams_move_from_blue_to_green_and_back_and_nothing_is_lost(plant: TwoVersions) -> None:
    plant.prepare_ledger()
    write_private(plant.folder / "front.secret", _SECRET.encode())
    (plant.folder / "settings.yaml").write_text(yaml.safe_dump({"stream_age_s": _STREAM_AGE_S}))
    blue, green = (_place(plant, name, seed) for seed, name in enumerate(("blue", "green")))
    (port,) = free_ports(1)
    front = plant.folder / "front"
    with (
        plant.service("before", blue),
        plant.service("now", green),
        running_front(front, blue.address, _pages(blue), _SECRET, port, verify=False),
    ):
        ca = ("--ca", front / "clients.crt")
        agents = {camera: plant.agent(of, camera, f"127.0.0.1:{port}", *ca) for camera, of in _CAMERAS.items()}
        wait_until(lambda: all(plant.committed(camera) >= 20 for camera in agents))
        wait_until(lambda: (_streams(blue), _streams(green)) == (2, 0), "until the streams are blue")
        _lead(front, blue, green)
        wait_until(lambda: (_streams(blue), _streams(green)) == (0, 2), "until the streams are green")
        had = {camera: plant.committed(camera) for camera in agents}
        wait_until(lambda: all(plant.committed(camera) > had[camera] for camera in agents))
        _lead(front, green, blue)
        wait_until(lambda: (_streams(blue), _streams(green)) == (2, 0), "until the streams are blue")
        for camera, agent in agents.items():
            assert agent.wait(WITHIN_S) == 0, plant.log(camera)
            assert "refused: " not in plant.log(camera)
    with Ledger.open(plant.url, create=False) as ledger:
        for stream in ledger.streams(SITE):
            assert [frame.frame_index for frame in ledger.frames(stream.stream)] == list(range(_SECONDS * FPS))
        assert [stream.stream.camera for stream in ledger.streams(SITE)] == [*_CAMERAS]
        assert check_ledger(ledger).problems == ()
        details = [entry.detail for entry in AuditLog(ledger).latest() if entry.action == "stream"]
    opened = [re.match(r"resumed after (\d+); model (\w+)", detail) for detail in details]
    models = [describe_bundle(place.model) for place in (blue, green)]
    for place, model in zip((blue, green), models, strict=True):
        resumed = [int(match[1]) for match in opened if match and match[2] == model[:12]]
        assert len(resumed) >= len(_CAMERAS), (place.name, details)
    assert all(int(match[1]) > 0 for match in opened if match and match[2] == models[1][:12]), details


def _place(plant: TwoVersions, name: str, seed: int) -> ServicePlace:
    (metrics_port,) = free_ports(1)
    return plant.place(
        name, plant.bundle(f"{name}.model", seed), "--settings", plant.folder / "settings.yaml",
        "--front-secret-file", plant.folder / "front.secret", "--metrics-port", metrics_port,
    )  # fmt: skip


def _pages(place: ServicePlace) -> str:
    return f"127.0.0.1:{place.ports[1]}"


def _lead(front: Path, old: ServicePlace, new: ServicePlace) -> None:
    """Have the front lead to another service from now on, as an operator does."""
    config = front / "nginx.conf"
    config.write_text(config.read_text().replace(old.address, new.address).replace(_pages(old), _pages(new)))
    os.kill(int((front / "nginx.pid").read_text()), signal.SIGHUP)


def _streams(place: ServicePlace) -> int:
    """Read `raypp_gateway_streams` of a service, as Prometheus does."""
    with urllib.request.urlopen(f"http://127.0.0.1:{place.options[-1]}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return int(
        sum(float(value) for value in re.findall(r"^ray_raypp_gateway_streams\{.*\} (\S+)$", text, re.MULTILINE))
    )
