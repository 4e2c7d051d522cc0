"""Capture time from metadata, names and options, in the site's zone."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import pytest

from raypp.errors import MediaError, OptionError
from raypp.media.capture_time import CaptureClock
from raypp.media.container import VideoInfo, probe
from raypp.media.files import open_source
from tests.media.videos import Video, write

_INFO = VideoInfo("h264", 64, 48, 0, 1, Fraction(25), (), "2026-03-01T05:00:00.000000Z", b"")


def _us(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(("option", "zone", "url", "expected"), [
    (None, "UTC", "a.mp4", None),
    ("2026-03-01T06:00", "Europe/Berlin", "a.mp4", _us(2026, 3, 1, 5)),
    ("2026-07-01T06:00", "Europe/Berlin", "a.mp4", _us(2026, 7, 1, 4)),
    ("2026-03-01T06:00+03:00", "Europe/Berlin", "a.mp4", _us(2026, 3, 1, 3)),
    ("name:%Y%m%d_%H%M%S", "UTC", "s3://b/cam7_20260301_061500.mp4", _us(2026, 3, 1, 6, 15)),
    ("name:%Y%m%d", "UTC", "99999999_20260301.mp4", _us(2026, 3, 1)),
    ("name:%y-%j", "UTC", "cam 26-060 b.mp4", _us(2026, 3, 1)),
    ("name:%Y%m%dT%H%M%S%z", "UTC", "20260301T061500+0300.mp4", _us(2026, 3, 1, 3, 15)),
    ("metadata", "Europe/Berlin", "a.mp4", _us(2026, 3, 1, 5)),
    ("2026-10-25T02:30", "Europe/Berlin", "a.mp4", _us(2026, 10, 25, 0, 30)),
])  # fmt: skip
def test_presentation_time_zero_in_utc(option: str | None, zone: str, url: str, expected: int | None) -> None:
    assert CaptureClock.parse(option, zone).start_us(url, _INFO) == expected


def test_images_tell_by_exif_in_the_sites_zone() -> None:
    clock = CaptureClock.parse("metadata", "Asia/Tokyo")
    assert clock.start_us("a.jpg", None, "2026:03:01 09:00:00") == _us(2026, 3, 1)
    assert clock.start_us("a.jpg", None, "2026:03:01 09:00:00+02:00") == _us(2026, 3, 1, 7)
    assert clock.start_us("a.jpg", None, "0000:00:00 00:00:00") is None
    assert clock.start_us("a.jpg", None, None) is None
    assert clock.start_us("a.mp4", replace(_INFO, creation_time="never")) is None


@pytest.mark.parametrize("option", ["metadata", "name:%Y%m%d_%H%M", "2026-03-01T06:00:00+01:00"])
def test_a_video_that_begins_after_its_sound_was_taken_later(option: str) -> None:
    late = replace(_INFO, late_us=3_000_000)
    start_us = CaptureClock.parse(option, "Europe/Berlin").start_us("cam_20260301_0600.mkv", late)
    assert start_us == _us(2026, 3, 1, 5, 0, 3)


@pytest.mark.parametrize(("tags", "expected"), [
    ({"com.apple.quicktime.creationdate": "2026-03-01T12:00:00+0900"}, _us(2026, 3, 1, 3)),
    ({"com.apple.quicktime.creationdate": "2026-03-01T12:00:00"}, _us(2026, 3, 1, 11)),
    ({}, _us(2026, 3, 2, 8)),
])  # fmt: skip
def test_quicktime_tells_its_zone_before_the_time_of_the_copy(
    tags: dict[str, str], expected: int, tmp_path: Path
) -> None:
    path = write(Video("a.mov", frames=3), tmp_path / "plain.mov")
    copied = {"creation_time": "2026-03-02T08:00:00Z"}
    with (
        av.open(str(path)) as given,
        av.open(str(tmp_path / "a.mov"), "w", options={"movflags": "use_metadata_tags"}) as output,
    ):
        output.metadata.update(copied | tags)
        stream = output.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    source = open_source(str(tmp_path / "a.mov"))
    info = probe(source)
    source.close()
    assert CaptureClock.parse("metadata", "Europe/Berlin").start_us("a.mov", info) == expected


@pytest.mark.parametrize("url", ["video.mp4", "2026.mp4", "20261340.mp4", "120260301.mp4"])
def test_a_name_without_a_time_is_an_error(url: str) -> None:
    with pytest.raises(MediaError, match="correct the form or rename"):
        CaptureClock.parse("name:%Y%m%d", "UTC").start_us(url, _INFO)


@pytest.mark.parametrize(
    "option", ["yesterday", "name:", "name:video", "name:%Q", "name:%Y%Y%m%d", "name:%H%M%S", "name:%Y%"]
)
def test_a_wrong_option_is_refused(option: str) -> None:
    with pytest.raises(OptionError, match="`time_from`"):
        CaptureClock.parse(option, "UTC")


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(OptionError, match="Mars/Olympus"):
        CaptureClock.parse(None, "Mars/Olympus")
