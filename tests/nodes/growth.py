"""A cluster grows from one worker to four and shrinks to one again, under a veil and under streams to the service."""

import time
from pathlib import Path

from tests.chaos.rounds import difference
from tests.chaos.world import ledger_rows
from tests.nodes import service
from tests.nodes.autoscaling import Fleet, autoscaled
from tests.nodes.machine import network
from tests.nodes.work import GrowingVeil, prepare, run_command

_MOST = 4
_IDLE_S = 10.0
_ENDS_WITHIN_S = 1500
_VIDEO_S, _CAMERAS = 150.0, 6
_SCALE = {
    "gateways": {"least": 1, "most": _MOST, "target": 1, "cpus": 0.6},
    "detectors": {"least": 1, "most": 1, "cpus": 0.3},
    "stream_age_s": 20,  # streams open anew, and so come to gateways that are new
}
_SOON = {
    "name": "Gateway",
    "autoscaling_config": {
        "min_replicas": 1,
        "max_replicas": _MOST,
        "target_ongoing_requests": 1,
        "upscale_delay_s": 2,
        "downscale_delay_s": 15,
        "look_back_period_s": 5,
    },
}


def grow_under_veil(place: Path) -> str:
    """Veil on a growing cluster; returns what was otherwise than it should be, empty if nothing."""
    place.mkdir()
    prepare(place)
    work = GrowingVeil.build(place)
    alone, out = place / "alone", place / "grown"
    run_command(place, *work.words(alone), "--on", "local")
    with network(place / "machines") as machines, autoscaled(machines, _MOST, _IDLE_S) as fleet:
        started = time.monotonic()
        job = work.begin(fleet.cluster.head, fleet.cluster.address, out)
        assert job.wait(_ENDS_WITHIN_S) == 0, out.with_suffix(".log").read_text()[-4000:]
        ended = time.monotonic()
        during = [size for _, size in fleet.sizes]
        print(f"veil: {ended - started:.0f} s, workers {_words(fleet)}, {during[-1]} at its end", flush=True)
        fleet.wait_for(1, 300)
        print(f"  one worker again {time.monotonic() - ended:.0f} s after its end", flush=True)
        return "; ".join(filter(None, [work.difference(work.results(alone), out), _faults(fleet)]))


def grow_under_streams(place: Path) -> str:
    """Stream to a growing cluster; returns what was otherwise than it should be, empty if nothing."""
    place.mkdir()
    with (
        service.plant_ground(place, _VIDEO_S, _CAMERAS) as ground,
        autoscaled(ground.machines, _MOST, _IDLE_S) as fleet,
        service.plant_on(ground, fleet.cluster, _MOST + 2) as plant,
    ):
        fixed = {**_SCALE, "gateways": {"least": 1, "most": 1, "cpus": 0.6}}
        plant.deploy(plant.config(fixed))
        seconds, expected = service.undisturbed(plant)
        print(f"serve: one worker {seconds:.0f} s, {len(expected['frames'])} frames", flush=True)
        assert fleet.most() == 1
        plant.deploy(plant.config(_SCALE, [_SOON]))
        seconds, _ = service.undisturbed(plant)
        found = difference(expected, ledger_rows(plant.url))
        ended = time.monotonic()
        print(f"serve: {seconds:.0f} s, workers {_words(fleet)}", flush=True)
        fleet.wait_for(1, 600)
        print(f"  one worker again {time.monotonic() - ended:.0f} s after its end", flush=True)
        return "; ".join(filter(None, [found, _faults(fleet, "ServeReplica", "ProxyActor")]))


def _words(fleet: Fleet) -> str:
    return ", ".join(f"{size} at {at:.0f} s" for at, size in fleet.sizes)


def _faults(fleet: Fleet, *serving: str) -> str:
    """Say whether it did not grow to the most, or left something running but what serves."""
    faults = [] if fleet.most() == _MOST else [f"it grew to {fleet.most()} workers alone"]
    (left,) = fleet.cluster.workers()
    titles = [title for title in fleet.cluster.worker(left).titles() if title.startswith("ray::")]
    busy = [title for title in titles if "IDLE" not in title and not any(name in title for name in serving)]
    return "; ".join([*faults, *(f"still runs: {title}" for title in busy)])
