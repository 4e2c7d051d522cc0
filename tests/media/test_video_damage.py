"""What is damaged, disguised or too large is told, and costs no more than itself."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from raypp.errors import MediaError, SourceReadError
from raypp.geometry.letterbox import Letterbox
from raypp.media.files import SourceStream
from raypp.media.sampling import END_US
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from tests.media.decoding import EVERY, info_of, rows_of
from tests.media.videos import RATE, Video, images, write


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
        rows = rows_of(path, 0, END_US, EVERY, report)
        assert [row[0] for row in rows] == pytest.approx([40_000 * index for index in range(50)], abs=1000)
        assert report.damaged == 0
        late_us = at_s * 1_000_000 if sound_s else 0
        assert info_of(path).late_us == pytest.approx(late_us, abs=100_000)  # FFmpeg leads sound in by a few frames


def test_a_video_cut_short_under_its_sound_is_still_damaged(tmp_path: Path) -> None:
    path = _with_sound(tmp_path / "video.mkv", 0, 6, 6)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    report = DecodeReport()
    assert 0 < len(rows_of(path, 0, END_US, EVERY, report)) < 140
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
    assert (info_of(path).width, info_of(path).height) == (64, 48)
    assert rows_of(path, 0, END_US, EVERY) == rows_of(video, 0, END_US, EVERY)


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
        info_of(tmp_path / name)


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
    rows = rows_of(path, 0, END_US, EVERY, report)
    assert len(rows) == 86
    assert report.damaged == 4


def test_a_missing_end_is_counted_and_a_long_last_frame_is_not(tmp_path: Path) -> None:
    path = write(Video("video.mkv", options={"g": "20"}), tmp_path / "video.mkv")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    report = DecodeReport()
    rows = rows_of(path, 0, END_US, EVERY, report)
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
    info = info_of(write(video, path))
    content = path.read_bytes()
    stream = SourceStream(_FailingDisk(content), len(content), "video.ts")
    box = Letterbox(64, 16, info.width, info.height)
    with pytest.raises(SourceReadError, match=r"video\.ts cannot be read \(Input/output error\)"):
        list(decode(stream, info, 0, END_US, EVERY, box, None, report=DecodeReport()))


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
        "import sys\n"
        "from pathlib import Path\n"
        "from raypp.errors import MediaError\n"
        "from raypp.media.container import probe\n"
        "from raypp.media.files import open_source\n"
        "def peak_kb():\n"  # `ru_maxrss` would count what the tests' process held when it forked
        "    return int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])\n"
        "before = peak_kb()\n"
        "try:\n    probe(open_source(sys.argv[1]))\n"
        "except MediaError as error:\n    print(error)\n"
        "print((peak_kb() - before) // 1024)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    message, megabytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "more than 89,478,485 pixels" in message
    assert int(megabytes) < 40
