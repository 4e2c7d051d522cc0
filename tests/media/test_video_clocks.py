"""Clocks that jump, overflow or are missing, and frames of another size midway, lose no frame."""

from pathlib import Path

import av
import numpy as np
import pytest

from raypp.geometry.letterbox import Letterbox
from raypp.media.files import open_source
from raypp.media.frame import PADDING
from raypp.media.masks import Mask
from raypp.media.sampling import END_US, Sampling
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from tests.media.decoding import EVERY, KEYFRAMES, info_of, rows_of
from tests.media.videos import HEIGHT, WIDTH, Video, images, joined, write


def test_a_clock_set_back_loses_no_frame(tmp_path: Path) -> None:
    """As when a recorder restarts into the same MPEG transport stream."""
    video = Video("part.ts", options={"g": "20", "bf": "3"}, frames=50)
    part = write(video, tmp_path / "part.ts").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part + part)
    rows = rows_of(joined, 0, END_US, EVERY)
    times = [row[0] for row in rows]
    assert len(rows) >= 99  # the decoder may conceal one frame where the parts meet
    assert times == sorted(set(times))
    assert times[-1] - times[0] < 5_000_000


def _levels(path: Path, start_us: int = 0, end_us: int = END_US) -> list[tuple[int, int]]:
    """Number of each image by its brightness, and its time."""
    info = info_of(path)
    stream = open_source(str(path))
    box = Letterbox(64, 16, info.width, info.height)
    frames = decode(stream, info, start_us, end_us, EVERY, box, None, report=DecodeReport())
    levels = [(round((float(frame.pixels[8:24, 8:24].mean()) - 40) / 2), frame.timestamp_us) for frame in frames]
    stream.close()
    return levels


@pytest.mark.parametrize("back_s", [40, 100, 3600, 50_000])
@pytest.mark.parametrize("name", ["cam.ts", "cam.vob", "cam.flv"])
def test_a_clock_set_back_goes_on_where_it_was(name: str, back_s: float, tmp_path: Path) -> None:
    path = joined(name, tmp_path, back_s=back_s)
    levels = _levels(path)
    assert [number for number, _ in levels] == pytest.approx(list(range(90)), abs=1)
    assert [time_us for _, time_us in levels] == [40_000 * number for number in range(90)]
    assert info_of(path).duration_us < 10_000_000
    for cut in (1_000_000, 1_960_000, 2_000_000, 2_000_001, 2_520_000):
        assert _levels(path, 0, cut) + _levels(path, cut) == levels


@pytest.mark.parametrize("bframes", ["0", "3"])
@pytest.mark.parametrize("before_s", [2.0, 100.0])
def test_a_counter_that_overflows_goes_on(bframes: str, before_s: float, tmp_path: Path) -> None:
    """33 bits of 90 kHz are 26.5 hours; FFmpeg itself begins 1.4 s late."""
    start_ms = round(1000 * (2**33 / 90_000 - 1.4 - before_s))
    late_ms = [0] * 40 if before_s < 10 else [round(1000 * (before_s - 1))] * 40
    times = tuple(start_ms + 40 * index + (late_ms[0] if index > 20 else 0) for index in range(len(late_ms) + 60))
    video = Video("wrap.ts", options={"g": "20", "bf": bframes}, frames=len(times), times_ms=times)
    rows = rows_of(write(video, tmp_path / "wrap.ts"), 0, END_US, EVERY)
    assert [row[0] for row in rows] == pytest.approx([1000 * (time - start_ms) for time in times], abs=1000)


@pytest.mark.parametrize(("codec", "options"), [
    ("libx264", {"bf": "0", "qp": "4"}),
    ("libx264", {"x264-params": "open-gop=1:keyint=20:min-keyint=20:bframes=3:b-adapt=0:scenecut=0:qp=4"}),
    ("mpeg4", {"bf": "2", "g": "15", "qmin": "1", "qmax": "1"}),
    ("mpeg4", {"bf": "0", "qmin": "1", "qmax": "1"}),
    ("mjpeg", {}),
])  # fmt: skip
def test_images_in_avi_have_the_times_of_their_places(codec: str, options: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "video.avi"
    with av.open(str(path), "w") as container:
        pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream = container.add_stream(codec, rate=5, width=64, height=48, pix_fmt=pixel_format, options=options)
        for index in range(60):
            image = np.full((48, 64, 3), 40 + 2 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    levels = _levels(path)
    assert [time_us for _, time_us in levels] == [200_000 * index for index in range(60)]
    assert [number for number, _ in levels] == pytest.approx(list(range(60)), abs=1)
    every = dict(_rows_by_time(path, EVERY))
    keyframes = _rows_by_time(path, KEYFRAMES)
    assert keyframes
    assert all(every[time_us] == digest for time_us, digest in keyframes)


def _rows_by_time(path: Path, sampling: Sampling) -> list[tuple[int, str]]:
    return [(time_us, digest) for time_us, _, digest in rows_of(path, 0, END_US, sampling)]


@pytest.mark.parametrize(("name", "form"), [("a.h264", "h264"), ("a.h265", "hevc"), ("a.m2v", "mpeg2video")])
def test_a_bare_stream_begins_at_0_and_goes_on_at_its_rate(name: str, form: str, tmp_path: Path) -> None:
    codec = {"h264": "libx264", "hevc": "libx265", "mpeg2video": "mpeg2video"}[form]
    quiet = {"x265-params": "log-level=none"} if form == "hevc" else {"bf": "2"}
    path = tmp_path / name
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, width=64, height=48, pix_fmt="yuv420p", options=quiet)
        for image in images(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert [row[0] for row in rows_of(path, 0, END_US, EVERY)] == [40_000 * index for index in range(30)]


def _remuxed(source: Path, target: Path) -> Path:
    with av.open(str(source)) as given, av.open(str(target), "w") as container:
        stream = given.streams.video[0]
        copied = container.add_stream_from_template(stream)
        shift, last = 0, -1
        for packet in given.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            if packet.dts + shift <= last:
                shift = last + 3600 - packet.dts
            packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copied
            last = packet.dts
            container.mux(packet)
    return target


@pytest.mark.parametrize("name", ["cam.ts", "cam.mkv", "cam.mp4"])
def test_frames_of_another_size_midway_have_their_own_letterbox(name: str, tmp_path: Path) -> None:
    path = joined("cam.ts", tmp_path, back_s=0, second=(HEIGHT, WIDTH))
    if name != "cam.ts":
        path = _remuxed(path, tmp_path / name)
    info = info_of(path)
    box = Letterbox(64, 16, info.width, info.height)
    mask = Mask((((0.0, 0.0), (0.5, 0.0), (0.5, 0.25), (0.0, 0.25)),))

    def shapes(start_us: int, end_us: int) -> list[tuple[int, int, tuple[int, ...], bytes]]:
        stream = open_source(str(path))
        frames = list(decode(stream, info, start_us, end_us, EVERY, box, mask, report=DecodeReport()))
        stream.close()
        return [
            (frame.source_width, frame.source_height, frame.pixels.shape, frame.pixels.tobytes()) for frame in frames
        ]

    whole = shapes(0, END_US)
    assert [frame[:3] for frame in whole] == [(64, 48, (48, 64, 3))] * 50 + [(48, 64, (64, 48, 3))] * 40
    upright = np.frombuffer(whole[-1][3], np.uint8).reshape(64, 48, 3)
    assert (upright[:16, :24] == PADDING).all()
    assert abs(float(upright[24:].mean()) - (40 + 2 * 89)) < 6
    for cut in (1_000_000, 1_990_000, 2_040_000, 2_500_000):
        assert shapes(0, cut) + shapes(cut, END_US) == whole
