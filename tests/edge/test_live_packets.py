"""A live stream is decoded in part, and the frames that are taken are those of a whole decode."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import pytest

from raypp.edge.capture.live_packets import LivePackets
from tests.media.videos import Video, write

_PLAIN = "bframes=0:scenecut=0:keyint=25:min-keyint=25"
_QUIET = "log-level=none"
_VIDEOS = {
    "h264.ts": Video("h264.ts", "libx264", {"x264-params": _PLAIN}, frames=240),
    "h264.mkv": Video("h264.mkv", "libx264", {"x264-params": f"{_PLAIN}:slices=2"}, frames=240),
    "h265.ts": Video("h265.ts", "libx265", {"x265-params": f"{_PLAIN}:open-gop=0:{_QUIET}"}, frames=240),
    "groups.ts": Video("groups.ts", "libx264", {"x264-params": "bframes=0:keyint=40:min-keyint=3"}, frames=240),
    "both-ways.ts": Video("both-ways.ts", "libx264", {"x264-params": "bframes=2:keyint=25"}, frames=240),
    "mpeg2.ts": Video("mpeg2.ts", "mpeg2video", {"g": "25", "bf": "0"}, frames=240),
}

Taken = list[tuple[int | None, str]]


@pytest.fixture(scope="module", params=_VIDEOS)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(_VIDEOS[request.param], tmp_path_factory.mktemp("live") / request.param)


def _taken(path: Path, period_s: float, *, in_part: bool, lost: int = -1) -> tuple[Taken, int]:
    """Take frames as a live capture does, of packets 40 ms apart; return them and how many packets were decoded."""
    taken: Taken = []
    due_s = 0.0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        packets = LivePackets(stream)
        for number, packet in enumerate(container.demux(stream)):
            now_s = 0.04 * number
            if number == lost:
                continue
            frames = packets.decode(packet, now_s, due_s) if in_part else packet.decode()
            for frame in frames:
                if now_s >= due_s:
                    due_s = due_s + period_s if due_s + period_s > now_s else now_s + period_s
                    taken.append((frame.pts, hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest()))
    return taken, packets.decoded


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(5), Fraction(2), Fraction(1, 2), Fraction(1, 3)])
def test_the_frames_taken_are_those_of_a_whole_decode(path: Path, rate: Fraction) -> None:
    whole, _ = _taken(path, float(1 / rate), in_part=False)
    assert _taken(path, float(1 / rate), in_part=True)[0] == whole


@pytest.mark.parametrize("lost", [30, 77, 130])
def test_the_frames_taken_are_those_of_a_whole_decode_when_a_packet_is_lost(path: Path, lost: int) -> None:
    for period_s in (0.2, 1.5, 3.0):
        whole, _ = _taken(path, period_s, in_part=False, lost=lost)
        assert _taken(path, period_s, in_part=True, lost=lost)[0] == whole


@pytest.mark.parametrize("name", ["h264.ts", "h264.mkv", "h265.ts"])
def test_groups_that_end_before_a_frame_is_due_are_not_decoded(name: str, tmp_path: Path) -> None:
    path = write(_VIDEOS[name], tmp_path / name)
    assert _taken(path, 3.0, in_part=True)[1] < 0.6 * 240
    assert _taken(path, 0.04, in_part=True)[1] == 241  # with the one that asks for what is left


def test_a_stream_of_frames_both_ways_is_decoded_wholly(tmp_path: Path) -> None:
    path = write(_VIDEOS["both-ways.ts"], tmp_path / "video.ts")
    assert _taken(path, 3.0, in_part=True)[1] == 241
