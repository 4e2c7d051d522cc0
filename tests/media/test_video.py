"""Every container gives all its frames once, in order, however its time is cut."""

import hashlib
import struct
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from raypp.errors import MediaError, SourceReadError
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import VideoInfo, probe
from raypp.media.files import SourceStream, open_source
from raypp.media.frame import PADDING
from raypp.media.masks import Mask
from raypp.media.sampling import END_US, Sampling, SamplingMode, cut_points
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode, presentation_times
from tests.data import shared_data
from tests.media.videos import HEIGHT, INDEXED, RATE, VIDEOS, WIDTH, Video, images, joined, write

_EVERY = Sampling(SamplingMode.EVERY)
_KEYFRAMES = Sampling(SamplingMode.KEYFRAMES)
_SAMPLINGS = [_EVERY, Sampling(SamplingMode.RATE, Fraction(7)), Sampling(SamplingMode.RATE, Fraction(1, 2)), _KEYFRAMES]

Row = tuple[int, int, str]


@pytest.fixture(scope="module", params=VIDEOS, ids=lambda video: video.name)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Video, Path]:
    return request.param, write(request.param, tmp_path_factory.mktemp("videos") / request.param.name)


def _info(path: Path) -> VideoInfo:
    stream = open_source(str(path))
    try:
        return probe(stream)
    finally:
        stream.close()


def _rows(path: Path, start_us: int, end_us: int, sampling: Sampling, report: DecodeReport | None = None) -> list[Row]:
    info = _info(path)
    box = Letterbox(64, 16, info.width, info.height)
    stream = open_source(str(path))
    frames = decode(stream, info, start_us, end_us, sampling, box, None, report=report or DecodeReport())
    rows = [(one.timestamp_us, one.frame_index, hashlib.sha256(one.pixels.tobytes()).hexdigest()) for one in frames]
    stream.close()
    return rows


def test_presentation_times_are_those_that_frames_are_decoded_with(video: tuple[Video, Path]) -> None:
    _, path = video
    stream = open_source(str(path))
    try:
        times = presentation_times(stream, _info(path))
    finally:
        stream.close()
    assert list(times) == [row[0] for row in _rows(path, 0, END_US, _EVERY)]


def test_every_frame_comes_once_and_in_order(video: tuple[Video, Path]) -> None:
    made, path = video
    report = DecodeReport()
    rows = _rows(path, 0, END_US, _EVERY, report)
    times = [row[0] for row in rows]
    assert len(rows) == made.frames
    assert times == sorted(set(times))
    assert report.damaged == 0
    if made.times_ms:
        assert times == [1000 * (ms - made.times_ms[0]) for ms in made.times_ms]
    elif not path.name.endswith(("mpg", "gif", "wmv")):
        assert np.diff(times).tolist() == pytest.approx([1_000_000 / RATE] * (made.frames - 1), abs=1001)


@pytest.mark.parametrize("sampling", _SAMPLINGS, ids=lambda one: f"{one.mode} {one.rate or ''}")
def test_any_cut_of_the_planner_gives_the_frames_of_one_pass(video: tuple[Video, Path], sampling: Sampling) -> None:
    made, path = video
    info = _info(path)
    whole = _rows(path, 0, END_US, sampling)
    assert whole
    for target_us in (200_000, 500_000, 1_000_000):
        cuts = cut_points(info, sampling, target_us)
        parts = [row for start, end in pairwise(cuts) for row in _rows(path, start, end, sampling)]
        assert parts == whole
    assert (len(cut_points(info, _EVERY, 1_000_000)) > 2) == (made.name in INDEXED)


@pytest.mark.parametrize("sampling", [_EVERY, _KEYFRAMES], ids=["every", "keyframes"])
def test_any_cut_at_all_gives_the_frames_of_one_pass(video: tuple[Video, Path], sampling: Sampling) -> None:
    _, path = video
    whole = _rows(path, 0, END_US, sampling)
    for cut in [1, 39_001, *range(100_000, whole[-1][0] + 200_000, 271_003), whole[-1][0], whole[-1][0] + 1]:
        parts = _rows(path, 0, cut, sampling) + _rows(path, cut, END_US, sampling)
        assert parts == whole, f"cut at {cut}"


def test_keyframes_are_the_keyframes_of_a_full_decode(video: tuple[Video, Path]) -> None:
    made, path = video
    if made.name in {"refresh.mp4", "open.avi", "mpeg4.avi", "mpeg2.mpg"}:
        pytest.skip("has no keyframe but the first, or no times of its own to compare by")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        start = stream.start_time or 0
        wanted = [
            round((frame.pts - start) * stream.time_base * 1_000_000)
            for frame in container.decode(stream)
            if frame.key_frame
        ]
    assert [row[0] for row in _rows(path, 0, END_US, _KEYFRAMES)] == wanted
    every = {row[0]: row[2] for row in _rows(path, 0, END_US, _EVERY)}
    assert all(every[row[0]] == row[2] for row in _rows(path, 0, END_US, _KEYFRAMES))


def test_a_rate_takes_the_first_frame_of_each_tick(tmp_path: Path) -> None:
    path = write(VIDEOS[0], tmp_path / "video.mp4")
    rows = _rows(path, 0, END_US, Sampling(SamplingMode.RATE, Fraction(2)))
    assert [row[:2] for row in rows] == [(0, 0), (520_000, 1), (1_000_000, 2), (1_520_000, 3), *[
        (2_000_000, 4), (2_520_000, 5), (3_000_000, 6), (3_520_000, 7),
    ]]  # fmt: skip


def test_frames_are_turned_upright_and_masked(tmp_path: Path) -> None:
    path = write(Video("turned.mp4", rotation=90, frames=3, options={"crf": "1"}), tmp_path / "turned.mp4")
    info = _info(path)
    assert (info.width, info.height, info.rotation) == (48, 64, 90)
    box = Letterbox(64, 8, info.width, info.height)
    mask = Mask((((0.0, 0.0), (0.25, 0.0), (0.25, 0.25), (0.0, 0.25)),))
    stream = open_source(str(path))
    plain, painted = (
        next(decode(stream, info, 0, END_US, _EVERY, box, one, report=DecodeReport())).pixels for one in (None, mask)
    )
    upright = np.rot90(images(1)[0])
    assert plain.shape == (64, 48, 3)
    assert np.abs(plain.astype(int) - upright).mean() < 25
    assert np.abs(plain.astype(int) - upright[::-1, ::-1]).mean() > 50
    assert (painted[:16, :12] == PADDING).all()
    assert (painted[20:, 20:] == plain[20:, 20:]).all()


def test_more_decoder_threads_change_nothing(tmp_path: Path) -> None:
    path = write(VIDEOS[1], tmp_path / "video.mp4")
    info = _info(path)
    box = Letterbox(64, 16, info.width, info.height)
    passes = []
    for threads in (1, 4):
        frames = decode(
            open_source(str(path)), info, 0, END_US, _EVERY, box, None, report=DecodeReport(), threads=threads
        )
        passes.append([frame.pixels.tobytes() for frame in frames])
    assert passes[0] == passes[1]


def test_a_clock_set_back_loses_no_frame(tmp_path: Path) -> None:
    """As when a recorder restarts into the same MPEG transport stream."""
    video = Video("part.ts", options={"g": "20", "bf": "3"}, frames=50)
    part = write(video, tmp_path / "part.ts").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part + part)
    rows = _rows(joined, 0, END_US, _EVERY)
    times = [row[0] for row in rows]
    assert len(rows) >= 99  # the decoder may conceal one frame where the parts meet
    assert times == sorted(set(times))
    assert times[-1] - times[0] < 5_000_000


def _levels(path: Path, start_us: int = 0, end_us: int = END_US) -> list[tuple[int, int]]:
    """Number of each image by its brightness, and its time."""
    info = _info(path)
    stream = open_source(str(path))
    box = Letterbox(64, 16, info.width, info.height)
    frames = decode(stream, info, start_us, end_us, _EVERY, box, None, report=DecodeReport())
    levels = [(round((float(one.pixels[8:24, 8:24].mean()) - 40) / 2), one.timestamp_us) for one in frames]
    stream.close()
    return levels


@pytest.mark.parametrize("back_s", [40, 100, 3600, 50_000])
@pytest.mark.parametrize("name", ["cam.ts", "cam.vob", "cam.flv"])
def test_a_clock_set_back_goes_on_where_it_was(name: str, back_s: float, tmp_path: Path) -> None:
    path = joined(name, tmp_path, back_s=back_s)
    levels = _levels(path)
    assert [number for number, _ in levels] == pytest.approx(list(range(90)), abs=1)
    assert [time_us for _, time_us in levels] == [40_000 * number for number in range(90)]
    assert _info(path).duration_us < 10_000_000
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
    rows = _rows(write(video, tmp_path / "wrap.ts"), 0, END_US, _EVERY)
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
    every = dict(_rows_by_time(path, _EVERY))
    keyframes = _rows_by_time(path, _KEYFRAMES)
    assert keyframes
    assert all(every[time_us] == digest for time_us, digest in keyframes)


def _rows_by_time(path: Path, sampling: Sampling) -> list[tuple[int, str]]:
    return [(time_us, digest) for time_us, _, digest in _rows(path, 0, END_US, sampling)]


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
    assert [row[0] for row in _rows(path, 0, END_US, _EVERY)] == [40_000 * index for index in range(30)]


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
    info = _info(path)
    box = Letterbox(64, 16, info.width, info.height)
    mask = Mask((((0.0, 0.0), (0.5, 0.0), (0.5, 0.25), (0.0, 0.25)),))

    def shapes(start_us: int, end_us: int) -> list[tuple[int, int, tuple[int, ...], bytes]]:
        stream = open_source(str(path))
        frames = list(decode(stream, info, start_us, end_us, _EVERY, box, mask, report=DecodeReport()))
        stream.close()
        return [(one.source_width, one.source_height, one.pixels.shape, one.pixels.tobytes()) for one in frames]

    whole = shapes(0, END_US)
    assert [one[:3] for one in whole] == [(64, 48, (48, 64, 3))] * 50 + [(48, 64, (64, 48, 3))] * 40
    upright = np.frombuffer(whole[-1][3], np.uint8).reshape(64, 48, 3)
    assert (upright[:16, :24] == PADDING).all()
    assert abs(float(upright[24:].mean()) - (40 + 2 * 89)) < 6
    for cut in (1_000_000, 1_990_000, 2_040_000, 2_500_000):
        assert shapes(0, cut) + shapes(cut, END_US) == whole


def _with_sound(path: Path, video_at_s: float, video_s: float, sound_s: float) -> Path:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48_000)
        stream = container.add_stream("libx264", rate=RATE, width=64, height=48, pix_fmt="yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(round(sound_s * 48_000 / 1024)):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 48_000, index * 1024, Fraction(1, 48_000)
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
        for index, image in enumerate(images(round(video_s * RATE))):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(1000 * (video_at_s + index / RATE)), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("end", ["mkv", "mp4", "ts"])
def test_sound_that_begins_earlier_or_ends_later_is_no_damage(end: str, tmp_path: Path) -> None:
    for name, at_s, video_s, sound_s in (("late", 3, 2, 6), ("long", 0, 2, 6), ("only", 3, 2, 0)):
        path = _with_sound(tmp_path / f"{name}.{end}", at_s, video_s, sound_s)
        report = DecodeReport()
        rows = _rows(path, 0, END_US, _EVERY, report)
        assert [row[0] for row in rows] == pytest.approx([40_000 * index for index in range(50)], abs=1000)
        assert report.damaged == 0
        late_us = at_s * 1_000_000 if sound_s else 0
        assert _info(path).late_us == pytest.approx(late_us, abs=100_000)  # FFmpeg leads sound in by a few frames


def test_a_video_cut_short_under_its_sound_is_still_damaged(tmp_path: Path) -> None:
    path = _with_sound(tmp_path / "video.mkv", 0, 6, 6)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    report = DecodeReport()
    assert 0 < len(_rows(path, 0, END_US, _EVERY, report)) < 140
    assert report.damaged == 1


def test_a_cover_image_is_not_taken_for_the_video(tmp_path: Path) -> None:
    video, path = tmp_path / "video.mp4", tmp_path / "covered.mp4"
    write(Video("video.mp4", frames=30), video)
    red = Image.new("RGB", (90, 90), "red")
    buffer = BytesIO()
    red.save(buffer, "JPEG")
    path.write_bytes(_covered(video.read_bytes(), buffer.getvalue()))
    with av.open(str(path)) as container:
        assert [stream.codec_context.name for stream in container.streams.video] == ["mjpeg", "h264"]
    assert (_info(path).width, _info(path).height) == (64, 48)
    assert _rows(path, 0, END_US, _EVERY) == _rows(video, 0, END_US, _EVERY)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    while content:
        size, kind = struct.unpack(">I4s", content[:8])
        yield kind, content[:size]
        content = content[size:]


def _covered(video: bytes, image: bytes) -> bytes:
    """Put a cover image before the track of an mp4, as programs that tag media write it."""
    handler = _box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    cover = _box(b"covr", _box(b"data", struct.pack(">II", 13, 0) + image))
    tags = _box(b"udta", _box(b"meta", bytes(4) + handler + _box(b"ilst", cover)))
    out = b""
    for kind, box in _boxes(video):
        if kind == b"moov":
            parts = [part for name, part in _boxes(box[8:]) if name != b"udta"]
            out += _box(b"moov", parts[0] + tags + b"".join(parts[1:]))
        else:
            out += box
    return out


@pytest.mark.parametrize(("name", "words"), [
    ("playlist.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:1.2,\nsecret.ts\n#EXT-X-ENDLIST\n"),
    ("concat.mp4", "ffconcat version 1.0\nfile secret.ts\n"),
])  # fmt: skip
def test_a_playlist_dressed_as_a_video_opens_no_other_file(name: str, words: str, tmp_path: Path) -> None:
    write(Video("secret.ts", frames=10), tmp_path / "secret.ts")
    (tmp_path / name).write_text(words)
    with pytest.raises(MediaError):
        _info(tmp_path / name)


def test_damage_costs_itself_and_is_counted(tmp_path: Path) -> None:
    path = write(Video("video.mp4", options={"g": "20", "bf": "0"}), tmp_path / "video.mp4")
    whole = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    damaged = bytearray(whole)
    for at, size in packets[30:34]:
        damaged[at : at + size] = bytes(size)
    path.write_bytes(damaged)
    report = DecodeReport()
    rows = _rows(path, 0, END_US, _EVERY, report)
    assert len(rows) == 86
    assert report.damaged == 4


def test_a_missing_end_is_counted_and_a_long_last_frame_is_not(tmp_path: Path) -> None:
    path = write(Video("video.mkv", options={"g": "20"}), tmp_path / "video.mkv")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    report = DecodeReport()
    rows = _rows(path, 0, END_US, _EVERY, report)
    assert 0 < len(rows) < 60
    assert report.damaged >= 1


class _FailingDisk:
    """A file whose later half cannot be read."""

    def __init__(self, content: bytes) -> None:
        self._content, self._position = content, 0

    def seek(self, offset: int) -> None:
        self._position = offset

    def read(self, size: int) -> bytes:
        if self._position + size > len(self._content) // 2:
            raise OSError(5, "Input/output error")
        return self._content[self._position : self._position + size]

    def close(self) -> None:
        pass


def test_a_failing_disk_is_no_damage_but_an_error_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "video.ts"
    video = Video("video.ts", options={"g": "20", "qp": "1"}, frames=90)
    info = _info(write(video, path))
    content = path.read_bytes()
    stream = SourceStream(_FailingDisk(content), len(content), "video.ts")
    box = Letterbox(64, 16, info.width, info.height)
    with pytest.raises(SourceReadError, match=r"video\.ts cannot be read \(Input/output error\)"):
        list(decode(stream, info, 0, END_US, _EVERY, box, None, report=DecodeReport()))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 10**8), max_size=40),
    st.fractions(Fraction(1, 10), 60),
    st.integers(1, 10**8),
    st.integers(1, 10**7),
    st.sampled_from([None, Fraction(2), Fraction(1, 3), Fraction(30000, 1001)]),
)
def test_cuts_rise_and_lie_on_the_sampling_grid(
    keyframes: list[int], average: Fraction, duration_us: int, target_us: int, rate: Fraction | None
) -> None:
    info = VideoInfo("h264", 64, 48, 0, duration_us, average, tuple(sorted(keyframes)), None, b"")
    sampling = Sampling(SamplingMode.RATE, rate) if rate else _EVERY
    cuts = cut_points(info, sampling, target_us)
    assert cuts[0] == 0
    assert cuts[-1] == END_US
    assert list(cuts) == sorted(set(cuts))
    for cut in cuts[1:-1]:
        assert cut - cuts[cuts.index(cut) - 1] >= target_us
        if rate:
            assert sampling.tick(cut) == sampling.tick(cut - 1) + 1


@pytest.mark.parametrize("sampling", _SAMPLINGS, ids=lambda one: f"{one.mode} {one.rate or ''}")
def test_real_videos_give_the_same_frames_in_one_pass_and_in_parts(sampling: Sampling) -> None:
    for path in sorted((shared_data() / "videos").rglob("*.mp4")):
        info = _info(path)
        whole = _rows(path, 0, END_US, sampling)
        cuts = cut_points(info, sampling, 5_000_000)
        assert len(cuts) > 3
        assert [row for start, end in pairwise(cuts) for row in _rows(path, start, end, sampling)] == whole


def test_a_video_of_huge_frames_is_refused_before_they_are_decoded(tmp_path: Path) -> None:
    """110 kB that would take a gigabyte in colour: told in a process of little memory, by the product's own reader."""
    path = tmp_path / "huge.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 9600
        stream.pix_fmt = "gray"
        frame = av.VideoFrame.from_ndarray(np.zeros((9600, 9600), np.uint8), format="gray")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    assert path.stat().st_size < 200_000
    script = (
        "import resource, sys\n"
        "from raypp.errors import MediaError\n"
        "from raypp.media.container import probe\n"
        "from raypp.media.files import open_source\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    probe(open_source(sys.argv[1]))\n"
        "except MediaError as error:\n    print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    said, megabytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "more than 89,478,485 pixels" in said
    assert int(megabytes) < 40
