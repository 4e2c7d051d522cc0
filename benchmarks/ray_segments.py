"""The archive job on Ray at many small segments: against one process, and on four nodes with 100,000 of them.

The second runs the job's own code, `hand_out`, with an actor that veils nothing. It is a program of its own:
`python -m benchmarks.ray_segments NODES SEGMENTS`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.older import BEFORE, ROOT, checked_out, run_in
from jobs.cluster import connect
from jobs.veil_archive import hand_out
from raypp.bench.sample_video import make_source
from raypp.execution import ExecutionSettings
from raypp.ingest.attempts import Unfinished
from raypp.ingest.batches import batch_of_row, outcomes_to_row
from raypp.ingest.segment import Item, Segment
from raypp.ingest.settings import VeilSettings
from raypp.media.source import SourceKind
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

Row = tuple[str, str, str]
_SEGMENTS, _OF_BEFORE = 601, 61
_SIMULATED, _NODES, _EXPECTED_S = 100_000, 4, 0.1
_WARM = 0.1
"""Share of the segments that are done before a rate counts, since workers are starting."""
_RAY = {"RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"}

_VEIL = """
import json, sys
import psutil
from jobs.veil_archive import veil_on_ray
from raypp.execution import ExecutionSettings
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT

where, video, limit, workers = sys.argv[1], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
settings = VeilSettings.model_validate_json(sys.argv[2])

def cpu_s():
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(each.user + each.system for each in times)

cpu = []
with open_job(settings, [video], SILENT) as job:
    todo = job.pending[:limit]
    assert len(todo) == limit, len(todo)
    on_ray = veil_on_ray(todo, settings, ExecutionSettings(workers=workers)) if where == "ray" else None
    for outcome in on_ray or veil_here(todo, settings):
        cpu.append(cpu_s() if len(cpu) in (0, limit - 1) else 0.0)
print(json.dumps((cpu[-1] - cpu[0]) / (limit - 1)))
"""


def ray_segments_rows(folder: Path) -> list[Row]:
    """Segments a second of one process, of two workers on Ray and of those of before; then what Ray itself costs."""
    video = make_source(folder / "in" / "video.mp4", (_SEGMENTS + 9) / 60, (320, 180), keyframe_s=1)
    key = folder / "owner.key"
    save_owner_key(VeilKey.generate(), key)
    here, here_cpu = segment_rate(ROOT, "here", video, small_segments(folder / "here", key), _SEGMENTS)
    ray, ray_cpu = segment_rate(ROOT, "ray", video, small_segments(folder / "ray", key), _SEGMENTS)
    with checked_out(folder) as older:
        before, before_cpu = segment_rate(older, "ray", video, small_segments(folder / "before", key), _OF_BEFORE)
    two = simulated(2, 20_000)
    many = simulated(_NODES, _SIMULATED)
    number, nodes = _SIMULATED, f"{_SIMULATED} segments, {_NODES} nodes"
    return [
        ("one process", f"{here:.1f} segments/s", f"{1e3 * here_cpu:.0f} CPU ms each"),
        ("two workers on Ray, once running", f"{ray:.1f} segments/s", f"{1e3 * ray_cpu:.0f} CPU ms each"),
        (f"two workers of {BEFORE}", f"{before:.1f} segments/s", f"{1e3 * before_cpu:.0f} CPU ms each"),
        ("two workers / one process", f"{ray / here:.2f}", "bar >= 1.6"),
        ("the same, before", f"{before / here:.2f}", ""),
        ("Ray's own, two workers", f"{1e3 * two['seconds'] / two['segments']:.2f} ms a segment", "bar <= 10"),
        ("CPU of the driver", f"{1e3 * two['driver_cpu_s'] / two['segments']:.2f} ms a segment", ""),
        (f"{nodes}: once running", f"{many['seconds']:.0f} s", ""),
        ("segments for each task", f"{number / many['tasks']:.0f}", "bar >= 16"),
        ("segments for each task or object", f"{number / (many['tasks'] + many['objects']):.0f}", "bar >= 16"),
        ("driver's memory, a tenth done", f"{many['tenth_mb']:.0f} MB", ""),
        ("driver's memory, all done", f"{many['end_mb']:.0f} MB", "bar: flat"),
    ]


def small_segments(out: Path, key: Path) -> VeilSettings:
    """Return settings by which each second of a video is a segment."""
    return VeilSettings(out=str(out), key_path=key, size=160, segment_s=0.6)


def segment_rate(
    tree: Path, where: str, video: Path, settings: VeilSettings, limit: int, workers: int = 2
) -> tuple[float, float]:
    """Segments a second, by the moments at which receipts appeared, and CPU seconds of each, Ray's among them."""
    call = [settings.model_dump_json(), str(video), str(limit), str(workers)]
    printed = run_in(tree, ["-c", _VEIL, where, *call], **_RAY)
    moments = sorted(path.stat().st_mtime_ns / 1e9 for path in Path(settings.out, "receipts").iterdir())
    first = int(_WARM * len(moments))
    return (len(moments) - 1 - first) / (moments[-1] - moments[first]), json.loads(printed.splitlines()[-1])


def simulated(nodes: int, segments: int) -> dict[str, Any]:
    """Return what `simulate` measured in a process of its own."""
    printed = run_in(ROOT, ["-m", "benchmarks.ray_segments", str(nodes), str(segments)], **_RAY)
    measured: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return measured


class _VeilsNothing:
    """Stands where the job has its `VeilActor`: gives back each segment at once."""

    def begin(self) -> None:
        """Need nothing."""

    def work(self, row: bytes, again: bool) -> bytes:  # noqa: ARG002
        return outcomes_to_row([Unfinished(segment_id=segment.segment_id, reason="") for segment in batch_of_row(row)])


def simulate(nodes: int, number: int) -> dict[str, float]:
    """Hand out segments of a long video to actors that veil nothing, on nodes of one CPU each; returns what it took."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    for _ in range(nodes):
        cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
    connect(cluster.address)
    segments = _of_a_long_video(number)
    me = psutil.Process()
    started, cpu, memory, done = 0.0, 0.0, {}, 0
    for _ in hand_out(segments, lambda _: _EXPECTED_S, _VeilsNothing, {}, ExecutionSettings()):
        if done == 0:
            started, cpu = time.perf_counter(), sum(me.cpu_times()[:2])
        done += 1
        if done in (number // 10, number):
            memory[done] = me.memory_info().rss / 1e6
    seconds, cpu = time.perf_counter() - started, sum(me.cpu_times()[:2]) - cpu
    assert done == number
    calls = [event["name"] for event in ray.timeline() if event["cat"].startswith("task::")]
    works = sum("work" in call for call in calls)
    print(sorted(set(calls)), file=sys.stderr)
    ray.shutdown()
    cluster.shutdown()  # type: ignore[no-untyped-call]
    return {
        "segments": number,
        "seconds": seconds,
        "driver_cpu_s": cpu,
        "tasks": works,
        "objects": works,
        "tenth_mb": memory[number // 10],
        "end_mb": memory[number],
    }


def _of_a_long_video(number: int) -> list[Segment]:
    item = Item(
        url="/data/plant/hall-3/camera-12/2026-11-28T10-00-00.mp4",
        size=10**10,
        mtime_ns=None,
        kind=SourceKind.VIDEO,
        identity="ab" * 32,
        source="cd" * 16,
        site="plant",
        camera="camera-12",
    )
    return [
        Segment(segment_id=f"{part:032x}", items=(item,), start_us=part, end_us=part + 1, part=part, parts=number)
        for part in range(number)
    ]


if __name__ == "__main__":
    print(json.dumps(simulate(int(sys.argv[1]), int(sys.argv[2]))))
