"""The watch of the camera's health, on the demo's sample films, shifted, turned, covered, frozen; and left alone."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from raypp.demo.workshop.sample import make_sample
from raypp.edge.capture.camera_health import Watch, WatchSettings
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.usage.observation import Observation

Picture = np.ndarray
SEEN = Observation.OBSERVED


def _pictures(path: Path) -> list[tuple[Picture, int]]:
    stream = open_source(str(path))
    info = probe(stream)
    box = Letterbox(640, 8, info.width, info.height)
    sampling = Sampling(SamplingMode.RATE, Fraction(2))
    frames = decode(stream, info, 0, END_US, sampling, box, None, report=DecodeReport())
    found = [(frame.pixels[: box.content_height, : box.content_width], frame.timestamp_us) for frame in frames]
    stream.close()
    return found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[tuple[Picture, int]]:
    sample = make_sample(tmp_path_factory.mktemp("sample"), seed=5, sites=1, seconds=40)
    return _pictures(sample.videos[0].path)


def _watched(
    pictures: list[tuple[Picture, int]], change: Callable[[Picture], Picture], from_s: float = 20
) -> list[Observation]:
    """What the watch says while a film is changed from a moment on."""
    watch = Watch(WatchSettings())
    return [
        watch.see(np.ascontiguousarray(change(picture)) if at_us >= from_s * 1e6 else picture, at_us)
        for picture, at_us in pictures
    ]


def _turned(degrees: float) -> Callable[[Picture], Picture]:
    return lambda picture: np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BILINEAR))


def _noise(picture: Picture) -> Picture:
    generator = np.random.default_rng(int(picture[0, :50].sum()))
    return generator.normal(70, 4, picture.shape).clip(0, 255).astype(np.uint8)


def test_a_film_of_a_workshop_raises_no_alarm(pictures):
    assert set(_watched(pictures, lambda picture: picture)) == {SEEN}


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: (picture * 0.4).astype(np.uint8),
        lambda picture: np.clip(picture * 1.3 + 20, 0, 255).astype(np.uint8),
        lambda picture: (picture * np.linspace(0.4, 1, picture.shape[1])[None, :, None]).astype(np.uint8),
    ],
    ids=["darker", "brighter", "lit from one side"],
)
def test_a_change_of_light_is_no_alarm(pictures, change):
    assert set(_watched(pictures, change)) == {SEEN}


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: np.roll(picture, (picture.shape[0] // 20, picture.shape[1] // 20), (0, 1)),
        lambda picture: np.roll(picture, -picture.shape[1] // 25, 1),
        _turned(6),
        lambda picture: picture[:, ::-1],
    ],
    ids=["shifted by 5 %", "shifted by 4 %", "turned by 6 degrees", "another view"],
)
def test_a_moved_camera_is_told_after_three_seconds(pictures, change):
    found = _watched(pictures, change)
    assert set(found[:46]) == {SEEN}
    assert set(found[46:]) == {Observation.MOVED}


def test_a_camera_moved_back_is_seen_again(pictures):
    watch = Watch(WatchSettings())
    found = [
        watch.see(np.roll(picture, 40, 1) if 20 <= at_us / 1e6 < 30 else picture, at_us) for picture, at_us in pictures
    ]
    assert Counter(found) == {SEEN: 66, Observation.MOVED: 14}
    assert set(found[60:]) == {SEEN}


@pytest.mark.parametrize(
    "change",
    [
        _noise,
        lambda picture: np.full_like(picture, 12),
        lambda picture: np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(60))),
    ],
    ids=["cloth", "no light", "hand close to the lens"],
)
def test_a_covered_camera_is_told_at_once(pictures, change):
    found = _watched(pictures, change)
    assert set(found[40:]) == {Observation.COVERED}


def test_a_frozen_picture_is_told_after_ten_seconds(pictures):
    still = pictures[40][0]
    found = _watched(pictures, lambda _: still)
    assert set(found[:60]) == {SEEN}
    assert set(found[60:]) == {Observation.FROZEN}


def test_the_watch_goes_on_in_another_process_as_if_nothing_had_been(pictures):
    shifted = [(np.roll(picture, 40, 1) if at_us >= 20e6 else picture, at_us) for picture, at_us in pictures]
    whole = Watch(WatchSettings())
    expected = [whole.see(picture, at_us) for picture, at_us in shifted]
    watch = Watch(WatchSettings())
    found = []
    for number, (picture, at_us) in enumerate(shifted):
        found.append(watch.see(picture, at_us))
        if number % 7 == 0:
            watch = Watch(WatchSettings(), memory=watch.memory())
    assert found == expected


def test_masked_places_do_not_count(pictures):
    hidden = np.zeros(pictures[0][0].shape[:2], np.bool_)
    hidden[:, : hidden.shape[1] // 2] = True

    def masked(picture: Picture) -> Picture:
        painted = picture.copy()
        painted[hidden] = 114
        return painted

    watch = Watch(WatchSettings(), hidden)
    found = [
        watch.see(masked(np.roll(picture, 40, 1) if at_us >= 20e6 else picture), at_us) for picture, at_us in pictures
    ]
    assert set(found[:46]) == {SEEN}
    assert set(found[46:]) == {Observation.MOVED}
    watch = Watch(WatchSettings(), hidden)
    covered = pictures[0][0].copy()
    covered[~hidden] = 9
    assert watch.see(masked(covered), 0) is Observation.COVERED
