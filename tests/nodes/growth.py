"""A cluster grows from one worker to four and shrinks to one again, while it veils and while it serves."""

import time
from pathlib import Path
from typing import Any

from actors.application import detector_name
from raypp.serving.bundles import models_by_veil
from tests.chaos.rounds import difference
from tests.nodes import service
from tests.nodes.autoscaling import Fleet, autoscaled
from tests.nodes.machine import network
from tests.nodes.work import GrowingVeil, prepare, run_command
from tests.videos import cut_video

_MOST = 4
_IDLE_S = 10.0
_ENDS_WITHIN_S = 1500
_LONG_S, _SHORT_S = 390.0, 160.0
"""Of the videos of one camera, and of each of the three others: the cluster grows while all stream."""
_SCALE = {
    "gateways": {"least": 1, "most": _MOST, "target": 1, "cpus": 0.6},  # one fits on a node, beside a detector
    "detectors": {"least": 1, "most": _MOST, "target": 1, "cpus": 0.3},
    "stream_age_s": 20,  # streams open anew, and so come to gateways that are new
}
_SERVING = ("ServeReplica", "ProxyActor", "PageMaker")


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
        print(f"veil: {ended - started:.0f} s; workers: {fleet.words(started)}", flush=True)
        fleet.wait_for(1, 300)
        print(f"one worker again {time.monotonic() - ended:.0f} s after its end", flush=True)
        return "; ".join(filter(None, [work.difference(work.results(alone), out), _faults(fleet)]))


def grow_under_streams(place: Path) -> str:
    """Stream to a service that Serve and the autoscaler make larger and smaller; returns as `grow_under_veil`."""
    place.mkdir()
    with (
        service.site_ground(place, _LONG_S, _MOST) as ground,
        autoscaled(ground.machines, _MOST, _IDLE_S) as fleet,
        service.site_on(ground, fleet.cluster, range(_MOST + 3)) as served,
    ):
        videos = list(ground.stage.videos[service.SITE].values())
        for video in videos[1:]:
            cut_video(video, _SHORT_S)
        fixed = {name: {**scale, "most": 1} for name, scale in _SCALE.items() if isinstance(scale, dict)}
        served.deploy(served.config(fixed))
        served.play(realtime=False)
        seconds, expected = service.undisturbed(served)
        print(f"serve: one worker, as fast as it can: {seconds:.0f} s, {len(expected['frames'])} frames", flush=True)
        assert fleet.most() == 1
        served.deploy(served.config(_SCALE, _scaled_soon(served.stage.model)))
        served.play(realtime=True)
        started = time.monotonic()
        seconds, rows = service.undisturbed(served)
        ended = time.monotonic()
        other = difference(expected, rows)
        print(f"serve: {seconds:.0f} s; workers: {fleet.words(started)}; ledger: {other or 'the same'}", flush=True)
        fleet.wait_for(1, 300)
        print(f"one worker again {time.monotonic() - ended:.0f} s after its end", flush=True)
        return "; ".join(filter(None, [other, _faults(fleet, *_SERVING)]))


def _scaled_soon(model: Path) -> list[dict[str, Any]]:
    """Settings of deployments that grow and shrink sooner than those of a real service."""
    (veil_id,) = models_by_veil([model])
    soon = {"upscale_delay_s": 2, "downscale_delay_s": 15, "look_back_period_s": 5}
    limits = {"min_replicas": 1, "max_replicas": _MOST}
    return [
        {"name": name, "autoscaling_config": {**limits, **soon, "target_ongoing_requests": target}}
        for name, target in (("Gateway", 1), (detector_name(veil_id), 1))
    ]


def _faults(fleet: Fleet, *serving: str) -> str:
    """Say whether it did not grow to the most, or left something running but what serves."""
    faults = [] if fleet.most() == _MOST else [f"it grew to {fleet.most()} workers alone"]
    left = [title for title in fleet.cluster.work() if not any(name in title for name in serving)]
    return "; ".join([*faults, *(f"still runs: {title}" for title in left)])
