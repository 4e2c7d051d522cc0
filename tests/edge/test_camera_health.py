"""The watch of the camera's health, on the demo's sample videos, shifted, turned, covered, frozen; and left alone."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from raypp.demo.workshop.sample import make_sample
from raypp.edge.capture.camera_health import CameraHealth, CameraHealthSettings
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.usage.observation import Observation

Pixels = np.ndarray
SEEN = Observation.OBSERVED


def _images(path: Path) -> list[tuple[Pixels, int]]:
    stream = open_source(str(path))
    info = probe(stream)
    box = Letterbox(640, 8, info.width, info.height)
    sampling = Sampling(SamplingMode.RATE, Fraction(2))
    frames = decode(stream, info, 0, END_US, sampling, box, None, report=DecodeReport())
    windows = [(frame.pixels[: box.content_height, : box.content_width], frame.timestamp_us) for frame in frames]
    stream.close()
    return windows


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[tuple[Pixels, int]]:
    sample = make_sample(tmp_path_factory.mktemp("sample"), seed=5, sites=1, seconds=40, fps=2)
    return _images(sample.videos[0].path)


def _watched(
    images: list[tuple[Pixels, int]], change: Callable[[Pixels], Pixels], from_s: float = 20
) -> list[Observation]:
    """States that the watch reports while a video is changed from a moment on."""
    watch = CameraHealth(CameraHealthSettings())
    return [
        watch.see(np.ascontiguousarray(change(image)) if at_us >= from_s * 1e6 else image, at_us)
        for image, at_us in images
    ]


def _turned(degrees: float) -> Callable[[Pixels], Pixels]:
    return lambda image: np.asarray(Image.fromarray(image).rotate(degrees, Image.Resampling.BILINEAR))


def _noise(image: Pixels) -> Pixels:
    generator = np.random.default_rng(int(image[0, :50].sum()))
    return generator.normal(70, 4, image.shape).clip(0, 255).astype(np.uint8)


def test_a_video_of_a_workshop_raises_no_alarm(images):
    assert set(_watched(images, lambda image: image)) == {SEEN}


@pytest.mark.parametrize(
    "change",
    [
        lambda image: (image * 0.4).astype(np.uint8),
        lambda image: np.clip(image * 1.3 + 20, 0, 255).astype(np.uint8),
        lambda image: (image * np.linspace(0.4, 1, image.shape[1])[None, :, None]).astype(np.uint8),
    ],
    ids=["darker", "brighter", "lit from one side"],
)
def test_a_change_of_light_is_no_alarm(images, change):
    assert set(_watched(images, change)) == {SEEN}


@pytest.mark.parametrize(
    "change",
    [
        lambda image: np.roll(image, (image.shape[0] // 20, image.shape[1] // 20), (0, 1)),
        lambda image: np.roll(image, -image.shape[1] // 25, 1),
        _turned(6),
        lambda image: image[:, ::-1],
    ],
    ids=["shifted by 5 %", "shifted by 4 %", "turned by 6 degrees", "another view"],
)
def test_a_moved_camera_is_told_after_three_seconds(images, change):
    states = _watched(images, change)
    assert set(states[:46]) == {SEEN}
    assert set(states[46:]) == {Observation.MOVED}


def test_a_camera_moved_back_is_seen_again(images):
    watch = CameraHealth(CameraHealthSettings())
    states = [watch.see(np.roll(image, 40, 1) if 20 <= at_us / 1e6 < 30 else image, at_us) for image, at_us in images]
    assert Counter(states) == {SEEN: 66, Observation.MOVED: 14}
    assert set(states[60:]) == {SEEN}


@pytest.mark.parametrize(
    "change",
    [
        _noise,
        lambda image: np.full_like(image, 12),
        lambda image: np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(60))),
    ],
    ids=["cloth", "no light", "hand close to the lens"],
)
def test_a_covered_camera_is_told_at_once(images, change):
    states = _watched(images, change)
    assert set(states[40:]) == {Observation.COVERED}


def test_a_frozen_image_is_told_after_ten_seconds(images):
    still = images[40][0]
    states = _watched(images, lambda _: still)
    assert set(states[:60]) == {SEEN}
    assert set(states[60:]) == {Observation.FROZEN}


def test_the_watch_goes_on_in_another_process_as_if_nothing_had_been(images):
    shifted = [(np.roll(image, 40, 1) if at_us >= 20e6 else image, at_us) for image, at_us in images]
    whole = CameraHealth(CameraHealthSettings())
    expected = [whole.see(image, at_us) for image, at_us in shifted]
    watch = CameraHealth(CameraHealthSettings())
    states = []
    for number, (image, at_us) in enumerate(shifted):
        states.append(watch.see(image, at_us))
        if number % 7 == 0:
            watch = CameraHealth(CameraHealthSettings(), memory=watch.memory())
    assert states == expected


def test_masked_places_do_not_count(images):
    hidden = np.zeros(images[0][0].shape[:2], np.bool_)
    hidden[:, : hidden.shape[1] // 2] = True

    def masked(image: Pixels) -> Pixels:
        painted = image.copy()
        painted[hidden] = 114
        return painted

    watch = CameraHealth(CameraHealthSettings(), hidden)
    states = [watch.see(masked(np.roll(image, 40, 1) if at_us >= 20e6 else image), at_us) for image, at_us in images]
    assert set(states[:46]) == {SEEN}
    assert set(states[46:]) == {Observation.MOVED}
    watch = CameraHealth(CameraHealthSettings(), hidden)
    covered = images[0][0].copy()
    covered[~hidden] = 9
    assert watch.see(masked(covered), 0) is Observation.COVERED
