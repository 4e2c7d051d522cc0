"""Videos looked into on Ray: the same plan as in one process, and a video that kills its process harms no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.command import environment
from tests.videos import make_image, make_video

pytestmark = pytest.mark.ray

_PLAN = """
import json, os, signal, sys
from functools import partial
from pathlib import Path
import jobs.probe_sources
from jobs.cluster import connect
from raypp.execution import ExecutionSettings
from raypp.ingest.cutting import Cutting
from raypp.ingest.plan import VeilPlan
from raypp.ingest.planner import make_plan
from raypp.ingest.probing import probe_batch, probe_here
from raypp.ingest.settings import VeilSettings
from raypp.media.discovery import discover

place = Path(sys.argv[1])
settings = VeilSettings(out=str(place / "out"), key_path=place / "owner.key", segment_s=1)
connect(None)

def planned(probe):
    plan = make_plan(discover([str(place / "in")]), Cutting(settings, settings.load_key()), VeilPlan(), None, probe)
    tables = [repr(table.to_pylist()) for table in (plan.sources, plan.segment_rows)]
    return [*tables, [line.model_dump() for line in (*plan.quarantined, *plan.duplicates)]]

def deadly(settings, groups):
    if any(name == "7.mp4" for group in groups for name in group.names):
        os.kill(os.getpid(), signal.SIGKILL)
    return probe_batch(settings, groups)

on_ray = partial(jobs.probe_sources.probe_on_ray, execution=ExecutionSettings())
plans = [planned(probe_here), planned(on_ray)]
jobs.probe_sources.probe_batch = deadly
(place / "plans.json").write_text(json.dumps([*plans, planned(on_ray)]))
"""
_MANY = 36


def _make_videos(folder: Path) -> None:
    """Write videos that differ in a box at their end, in two folders with images between, and a broken one."""
    content = make_video(folder.parent / "one.mp4", seconds=2).read_bytes()
    for number in range(_MANY):
        video = folder / ("a" if number < _MANY // 2 else "c") / f"{number}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(content + b"\0\0\0\x0cfree%4d" % number)
    (folder / "a" / "again.mp4").write_bytes((folder / "a" / "3.mp4").read_bytes())
    (folder / "c" / "broken.mp4").write_bytes(content[:200])
    for number in range(3):
        make_image(folder / "b" / f"{number}.jpg", seed=number)


def test_a_plan_made_on_ray_is_the_plan_made_here_and_a_deadly_video_alone_is_left_out(tmp_path: Path) -> None:
    save_owner_key(VeilKey(bytes(range(32))), tmp_path / "owner.key")
    _make_videos(tmp_path / "in")
    call = [sys.executable, "-c", _PLAN, str(tmp_path)]
    done = subprocess.run(call, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here, on_ray, with_deadly = json.loads((tmp_path / "plans.json").read_text())
    assert on_ray == here
    sources, _, left_out = here
    assert (sources.count("1.mp4'"), sources.count(".jpg'"), len(left_out)) == (8, 3, 2), left_out
    assert "broken.mp4" in left_out[0]["source"]
    deadly = next(line for line in with_deadly[2] if line not in left_out)
    assert deadly["source"] == f"{tmp_path}/in/a/7.mp4"
    assert deadly["reason"] == "the process that opens it dies; convert the video, or leave it out"
    assert "/7.mp4" not in with_deadly[0].replace("/17.mp4", "").replace("/27.mp4", "")
