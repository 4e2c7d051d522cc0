"""Frames that are left out of a sampled decode are not missed: what is taken and told is as if all were decoded."""

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from raypp.errors import MediaError
from raypp.media.needed import packet_reader
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from tests.data import shared_data
from tests.media.decoding import EVERY, Row, info_of, rows_of
from tests.media.videos import VIDEOS, Video, joined, write

_TWO_WAY = 3  # AV_PICTURE_TYPE_B
_RATES = [Fraction(2), Fraction(7), Fraction(1, 2)]
_QUIET = "log-level=none"


def _x264(name: str, options: str, **more: object) -> Video:
    params = f"asm=0:keyint=30:min-keyint=5:{options}"  # with its vector code, another file each time
    return Video(name, "libx264", {"x264-params": params}, **more)  # type: ignore[arg-type]


_SPARED = [
    _x264("pyramid.mp4", "bframes=3:b-pyramid=normal:b-adapt=0"),
    _x264("strict.mkv", "bframes=3:b-pyramid=strict:b-adapt=0"),
    _x264("flat.mov", "bframes=2:b-pyramid=none"),
    _x264("slices.mp4", "bframes=2:slices=3:ref=6:no-cabac=1:aud=1"),
    _x264("open.mp4", "bframes=3:b-adapt=0:open-gop=1"),
    _x264("late.mp4", "bframes=3", times_ms=tuple(700 + 40 * index + index % 3 for index in range(90))),
]
_LEAPT = [
    _x264("forward.mp4", "bframes=0"),
    _x264("baseline.mkv", "bframes=0:no-cabac=1:no-8x8dct=1:weightp=0"),
    Video("closed.mp4", "libx265", {"x265-params": f"keyint=30:min-keyint=30:open-gop=0:bframes=3:{_QUIET}"}),
    Video("closed.mkv", "libx265", {"x265-params": f"keyint=30:min-keyint=30:open-gop=0:bframes=0:{_QUIET}"}),
]
_WHOLLY = [
    _x264("interlaced.mp4", "bframes=2:interlaced=1"),
    _x264("pyramid.avi", "bframes=3"),
    _x264("pyramid.ts", "bframes=3"),
    Video("mpeg4.mp4", "mpeg4", {"g": "15", "bf": "2"}),
    Video("vp9.webm", "libvpx-vp9", {"g": "20", "cpu-used": "8", "deadline": "realtime"}, 60),
]
_OTHERS = [
    Video("open.mkv", "libx265", {"x265-params": f"keyint=30:min-keyint=30:open-gop=1:bframes=3:b-adapt=0:{_QUIET}"}),
]


@pytest.fixture(scope="module")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Video], Path]:
    folder = tmp_path_factory.mktemp("needed")

    def make(video: Video) -> Path:
        path = folder / f"{video.codec}-{video.name}"
        return path if path.exists() else write(video, path)

    return make


def _all_decoded(path: Path, rate: Fraction) -> tuple[list[Row], int, str]:
    """The first frame of each tick among all frames, the damage, and the error."""
    return _firsts(_told(path, EVERY), rate)


def _firsts(decoded: tuple[list[Row], DecodeReport, str], rate: Fraction) -> tuple[list[Row], int, str]:
    rows, report, error = decoded
    sampling, last, taken = Sampling(SamplingMode.RATE, rate), -1, []
    for timestamp_us, _, digest in rows:
        if sampling.tick(timestamp_us) > last:
            last = sampling.tick(timestamp_us)
            taken.append((timestamp_us, last, digest))
    return taken, report.damaged, error


def _sampled(path: Path, rate: Fraction) -> tuple[list[Row], int, str]:
    rows, report, error = _told(path, Sampling(SamplingMode.RATE, rate))
    return rows, report.damaged, error


def _told(path: Path, sampling: Sampling) -> tuple[list[Row], DecodeReport, str]:
    report = DecodeReport()
    try:
        return rows_of(path, 0, END_US, sampling, report), report, ""
    except MediaError as error:
        return [], report, str(error)


def _decoded(path: Path, rate: Fraction) -> int:
    report = DecodeReport()
    rows_of(path, 0, END_US, Sampling(SamplingMode.RATE, rate), report)
    return report.decoded


@pytest.mark.parametrize(
    "video", [*_SPARED, *_LEAPT, *_WHOLLY, *_OTHERS, *VIDEOS], ids=lambda video: f"{video.codec} {video.name}"
)
def test_a_sampled_decode_gives_the_frames_of_a_whole_one(video: Video, file_of: Callable[[Video], Path]) -> None:
    for rate in _RATES:
        assert _sampled(file_of(video), rate) == _all_decoded(file_of(video), rate)


@pytest.mark.parametrize("video", _SPARED, ids=lambda video: video.name)
def test_frames_that_nothing_refers_to_are_left_out(video: Video, file_of: Callable[[Video], Path]) -> None:
    assert _decoded(file_of(video), Fraction(2)) < 0.8 * video.frames


@pytest.mark.parametrize("video", _LEAPT, ids=lambda video: f"{video.codec} {video.name}")
def test_what_follows_the_last_needed_frame_is_left_out(video: Video, file_of: Callable[[Video], Path]) -> None:
    """Of 3.6 s in pieces of 1.2 s, the frames at 0 and 2 s are taken: of two pieces something is decoded."""
    assert _decoded(file_of(video), Fraction(1, 2)) < 0.4 * video.frames


@pytest.mark.parametrize("video", _WHOLLY, ids=lambda video: f"{video.codec} {video.name}")
def test_where_nothing_can_be_left_out_for_sure_all_is_decoded(video: Video, file_of: Callable[[Video], Path]) -> None:
    assert _decoded(file_of(video), Fraction(2)) == video.frames


@pytest.mark.parametrize("video", [*_SPARED[:5], _LEAPT[0]], ids=lambda video: video.name)
def test_damage_is_told_and_shown_as_if_all_were_decoded(
    video: Video, file_of: Callable[[Video], Path], tmp_path: Path
) -> None:
    whole = file_of(video).read_bytes()
    with av.open(str(file_of(video))) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    path, seen = tmp_path / video.name, 0
    for seed in range(40):
        path.write_bytes(_damaged(whole, packets, random.Random(seed)))
        try:
            info_of(path)
        except MediaError:
            continue
        expected = _all_decoded(path, _RATES[seed % 3])
        seen += expected != _all_decoded(file_of(video), _RATES[seed % 3])
        assert _sampled(path, _RATES[seed % 3]) == expected, f"seed {seed}"
    assert seen > 10


def test_a_reference_that_is_lost_without_damage_to_a_frame_is_not_made_up(
    file_of: Callable[[Video], Path], tmp_path: Path
) -> None:
    """One bit in the head of a slice drops a reference: a decoder then shows what else it has, and reports nothing."""
    video = _SPARED[0]
    with av.open(str(file_of(video))) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.size][9]
    data = bytearray(file_of(video).read_bytes())
    data[place + 9] ^= 0x20
    path = tmp_path / video.name
    path.write_bytes(data)
    for rate in _RATES:
        assert _sampled(path, rate) == _all_decoded(path, rate)
    assert _all_decoded(path, _RATES[0]) != _all_decoded(file_of(video), _RATES[0])


def _damaged(whole: bytes, packets: list[tuple[int, int]], chance: random.Random) -> bytes:
    data, (at, size) = bytearray(whole), chance.choice(packets)
    match chance.choice(["bit", "head", "bytes", "zeros", "cut"]):
        case "bit":
            data[at + chance.randrange(size)] ^= 1 << chance.randrange(8)
        case "head":
            data[at + 4 + chance.randrange(min(8, size - 4))] ^= 1 << chance.randrange(8)
        case "bytes":
            for _ in range(5):
                data[at + chance.randrange(size)] = chance.randrange(256)
        case "zeros":
            data[at : at + size] = bytes(size)
        case "cut":
            del data[chance.randrange(len(data)) :]
    return bytes(data)


def test_frames_that_are_said_to_be_referred_to_by_none_but_are(
    file_of: Callable[[Video], Path], tmp_path: Path
) -> None:
    """The decoder believes the flag, and then misses the frame: the same comes out as if all were decoded."""
    source = file_of(_SPARED[2])
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    for place in places[1:]:
        if data[place + 4] & 0x60 and data[place + 4] & 31 == 1:
            data[place + 4] &= 0x9F
    path = tmp_path / source.name
    path.write_bytes(data)
    for rate in _RATES:
        assert _sampled(path, rate) == _all_decoded(path, rate)


@pytest.mark.parametrize("end", ["mkv", "mp4"])
def test_a_stream_that_changes_midway_is_decoded_wholly(end: str, tmp_path: Path) -> None:
    path, target = joined("cam.ts", tmp_path, back_s=0, second=(48, 64)), tmp_path / f"cam.{end}"
    with av.open(str(path)) as given, av.open(str(target), "w") as container:
        copied = container.add_stream_from_template(given.streams.video[0])
        shift, last = 0, -1
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is None or packet.pts is None:
                continue
            shift = last + 3600 - packet.dts if packet.dts + shift <= last else shift
            packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copied
            last = packet.dts
            container.mux(packet)
    for rate in _RATES:
        assert _sampled(target, rate) == _all_decoded(target, rate)
    assert _decoded(target, Fraction(2)) == 90


_HEADS = {
    "usability": "bframes=2:nal-hrd=vbr:vbv-maxrate=400:vbv-bufsize=400:overscan=show:videoformat=pal:colorprim=bt709:"
    "transfer=bt709:colormatrix=bt709:chromaloc=1:sar=3/7:pic-struct=1",
    "scaling lists": "bframes=2:cqm=jvt",
    "slices and weights": "bframes=3:slices=4:weightp=2:weightb=1:ref=8:fade-compensate=1",
    "no arithmetic coding": "bframes=3:no-cabac=1:no-deblock=1",
    "filter": "bframes=3:deblock=-2,3",
}


@pytest.mark.parametrize("options", _HEADS.values(), ids=_HEADS)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv422p10le", "gray"])
def test_heads_of_all_frames_are_read(options: str, pixel_format: str, tmp_path: Path) -> None:
    path = write(_x264("video.mp4", f"{options}:b-pyramid=none", pixel_format=pixel_format), tmp_path / "video.mp4")
    disposable, shown = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        reader = packet_reader(stream)
        assert reader is not None
        assert reader.reorder == stream.codec_context.reorder_depth == 1
        for packet in container.demux(stream):
            if packet.size:
                frame = reader.frame(bytes(packet))
                assert frame is not None
                assert frame.begins_anew == packet.is_keyframe
                disposable += [packet.pts] if frame.is_disposable else []
            shown += packet.decode()
    assert sorted(disposable) == [frame.pts for frame in shown if frame.pict_type == _TWO_WAY]
    assert len(disposable) > 10


def test_real_videos_give_the_frames_of_a_whole_decode() -> None:
    for path in sorted((shared_data() / "videos").glob("*.mp4")):
        decoded = _told(path, EVERY)
        for rate in (Fraction(2), Fraction(1, 10)):
            assert _sampled(path, rate) == _firsts(decoded, rate)
