"""Opening many new videos, as planning does: in one process, and on two workers of a local Ray that runs already."""

import json
from pathlib import Path

from benchmarks.older import ROOT, run_in
from raypp.bench.sample_video import make_source
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

Row = tuple[str, str, str]
_VIDEOS, _ROUNDS = 200, 3
_FREE_BOX = b"\0\0\0\x0cfree%4d"

_PROBE = """
import json, sys, time
from functools import partial
from pathlib import Path
import psutil
import ray
from jobs.cluster import connect
from jobs.probe_sources import probe_on_ray
from raypp.execution import ExecutionSettings
from raypp.ingest.cutting import Cutting
from raypp.ingest.plan import VeilPlan
from raypp.ingest.planner import make_plan
from raypp.ingest.probing import probe_here
from raypp.ingest.settings import VeilSettings
from raypp.media.discovery import discover

place = Path(sys.argv[1])
settings = VeilSettings(out=str(place / "out"), key_path=place / "owner.key")
found = discover([str(place / "in")])

def cpu_s():
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(each.user + each.system for each in times)

def planned(probe):
    wall, cpu, own = time.perf_counter(), cpu_s(), sum(me.cpu_times()[:2])
    plan = make_plan(found, Cutting(settings, settings.load_key()), VeilPlan(), None, probe)
    spent = [time.perf_counter() - wall, cpu_s() - cpu, sum(me.cpu_times()[:2]) - own]
    return plan.sources.to_pylist(), spent

me = psutil.Process()
connect(None)
on_ray = partial(probe_on_ray, execution=ExecutionSettings(workers=2))
planned(on_ray)
rounds = [(planned(probe_here), planned(on_ray)) for _ in range(int(sys.argv[2]))]
assert all(here[0] == there[0] for here, there in rounds)
print(json.dumps([[here[1], there[1]] for here, there in rounds]))
"""


def probing_rows(folder: Path) -> list[Row]:
    """Seconds, and CPU seconds of all processes and of the job's own, to plan new videos; of each the least."""
    save_owner_key(VeilKey.generate(), folder / "owner.key")
    content = make_source(folder / "one.mp4", 0.5, (640, 360), keyframe_s=2).read_bytes()
    for number in range(_VIDEOS):
        video = folder / "in" / f"camera-{number // 50}" / f"{number:03}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(content + _FREE_BOX % number)
    call = ["-c", _PROBE, str(folder), str(_ROUNDS)]
    rounds = json.loads(run_in(ROOT, call, RAY_AUTH_MODE="disabled", OMP_NUM_THREADS="1").splitlines()[-1])
    here, there = (list(map(min, zip(*side, strict=True))) for side in zip(*rounds, strict=True))
    return [
        (f"{_VIDEOS} videos, one process", f"{here[0]:.2f} s, {here[1]:.2f} cpu s", ""),
        (f"{_VIDEOS} videos, two workers", f"{there[0]:.2f} s, {there[1]:.2f} cpu s", ""),
        ("two workers / one process", f"{here[0] / there[0]:.2f} times as fast", ""),
        ("the job's own process, of its CPU", f"{there[2] / here[2]:.2f}", ""),
    ]
