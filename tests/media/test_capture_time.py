"""Capture time from metadata, names and options, in the site's zone."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from raypp.errors import MediaError, OptionError
from raypp.media.capture_time import CaptureClock
from raypp.media.container import VideoInfo

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


def test_pictures_tell_by_exif_in_the_sites_zone() -> None:
    clock = CaptureClock.parse("metadata", "Asia/Tokyo")
    assert clock.start_us("a.jpg", None, "2026:03:01 09:00:00") == _us(2026, 3, 1)
    assert clock.start_us("a.jpg", None, "0000:00:00 00:00:00") is None
    assert clock.start_us("a.jpg", None, None) is None
    assert clock.start_us("a.mp4", replace(_INFO, creation_time="never")) is None


@pytest.mark.parametrize("url", ["film.mp4", "2026.mp4", "20261340.mp4", "120260301.mp4"])
def test_a_name_without_a_time_is_an_error(url: str) -> None:
    with pytest.raises(MediaError, match="--time-from"):
        CaptureClock.parse("name:%Y%m%d", "UTC").start_us(url, _INFO)


@pytest.mark.parametrize(
    "option", ["yesterday", "name:", "name:film", "name:%Q", "name:%Y%Y%m%d", "name:%H%M%S", "name:%Y%"]
)
def test_a_wrong_option_is_refused(option: str) -> None:
    with pytest.raises(OptionError, match="--time-from"):
        CaptureClock.parse(option, "UTC")


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(OptionError, match="Mars/Olympus"):
        CaptureClock.parse(None, "Mars/Olympus")
