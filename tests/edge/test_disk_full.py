"""A spool on a disk that runs full."""

import pytest

from raypp.edge.cameras_file import CameraSettings
from raypp.edge.spool.drop_policy import DropPolicy
from tests.disks import fill, small_disk
from tests.edge.service import wait_until
from tests.videos import make_video

_FRAMES = 600


@pytest.mark.parametrize("policy", DropPolicy)
def test_what_does_not_fit_on_the_disk_waits_or_is_told_as_dropped(site, service, policy):
    video = make_video(site.folder / "video.mp4", seconds=_FRAMES // 10, width=320, height=320)
    service.faults.hold = True
    with small_disk(site.folder / "disk", 8) as disk:
        site.spool = disk / "spool"
        taken = fill(disk, leave_bytes=500_000)
        camera = CameraSettings(source=(str(video),), fps="every", watch=False)
        agent = site.agent_here(service.address, {"bench-1": camera}, chunk_frames=2, policy=policy)
        if policy is DropPolicy.BLOCK:
            wait_until(lambda: "is full" in site.log())
            assert 0 < agent.camera().captured < _FRAMES
        else:
            wait_until(lambda: agent.camera().captured == _FRAMES)
        taken.unlink()
        service.faults.hold = False
        dropped = agent.wait().cameras["bench-1"].dropped_frames
    assert "is full" in site.log()
    assert policy is not DropPolicy.BLOCK or "has room again" in site.log()
    (stream,) = service.of("bench-1")
    assert stream.ended
    assert bool(dropped) == (policy is not DropPolicy.BLOCK)
    assert len(stream.codes) == _FRAMES - dropped
    indices = [index for index, _, _ in stream.frames]
    assert indices == sorted(set(indices))
    assert any(observation == 5 for _, _, observation in stream.frames) == bool(dropped)
