"""Days before cameras, drawn and real, quiet and changed: videos of which a second stands for more."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.demo.workshop.recording import PlannedVideo
from raypp.demo.workshop.render import Camera, Visible
from raypp.demo.workshop.scene import Light, make_bench, make_light
from raypp.demo.workshop.script import make_script
from raypp.demo.workshop.tools import BENCH_CLASSES, CLASSES, make_part, make_tool
from tests.data import DATA

Frame = npt.NDArray[np.uint8]
SIZE = 640, 360
FRAMES = 24
_STEP_S = 25
FIRST_DAY = datetime(2026, 3, 2, 8)  # noqa: DTZ001 - local time of the site, as cameras name their files
REAL = ("car-detection", "one-by-one-person-detection", "bottle-detection")


class Change(StrEnum):
    """Kinds of planted changes."""

    LAMP = "new lamp"
    LENS = "moved lens"
    PRODUCT = "other product"
    FOG = "fog"
    CLASSES = "other class mix"


@dataclass(frozen=True)
class Day:
    """One day before one camera.

    Attributes:
        camera: its name; a real one has that of its video.
        number: of the day, from 0.
        change: planted in it; None: a quiet day.
    """

    camera: str
    number: int
    change: Change | None = None

    @property
    def is_real(self) -> bool:
        """Whether it is of a real video."""
        return self.camera in REAL


class DrawnEye:
    """A bench that stays, under light and with work that are each day's own."""

    classes: tuple[str, ...] = BENCH_CLASSES

    def __init__(self, seed: int, day: Day) -> None:
        camera_number = int(day.camera.rpartition("-")[2])
        stays = np.random.default_rng([seed, camera_number])
        today = np.random.default_rng([seed, camera_number, day.number])
        kinds = [*range(len(CLASSES)), int(stays.integers(len(CLASSES)))]
        tools = [make_tool(kind, stays) for kind in kinds]
        bench, light = make_bench(SIZE, stays), make_light(SIZE, stays)
        arm = np.random.default_rng([seed, camera_number, 1])
        if day.change is Change.PRODUCT:
            part = make_part(today).sprite
            bench.paste(part, (int(today.integers(60, 460)), int(today.integers(40, 240))), part)
        if day.change is Change.CLASSES:
            kinds = [int(today.integers(len(CLASSES)))] * 3 + [int(today.integers(len(CLASSES)))] * 3
            tools = [make_tool(kind, stays) for kind in kinds]
        script = make_script(kinds, FRAMES * _STEP_S, SIZE, today)
        level = np.float32(today.uniform(0.93, 1.07))
        lit = Light(light.gain * level, light.flicker, light.period_s, light.noise)
        self._camera = Camera(bench, tools, script, lit, arm)
        self._alter = _alteration(day, today)

    def image(self, index: int, time_s: float) -> tuple[Frame, list[Visible]]:
        """Render a moment, with what is visible."""
        frame, visible = self._camera.image(index, time_s * _STEP_S)
        return self._alter(frame), visible


class RealEye:
    """Frames of a real video whose camera stands still, spread over all of it, a little brighter or darker each day."""

    classes: tuple[str, ...] = BENCH_CLASSES

    def __init__(self, seed: int, day: Day, days: int) -> None:
        frames = real_frames(day.camera)
        today = np.random.default_rng([seed, REAL.index(day.camera), day.number, 2])
        # no frame is in two days, and which day has which is drawn
        order = np.random.default_rng([seed, REAL.index(day.camera), 3]).permutation(days)
        places = np.arange(int(order[day.number]), len(frames), days)
        self._frames = [frames[place] for place in places[np.linspace(0, len(places) - 1, FRAMES).round().astype(int)]]
        self._level = float(today.uniform(0.93, 1.07))
        self._alter = _alteration(day, today)

    def image(self, index: int, time_s: float) -> tuple[Frame, list[Visible]]:  # noqa: ARG002 - as each eye
        """Give a frame; nothing says what is visible."""
        frame = np.clip(self._frames[index] * np.float32(self._level), 0, 255).astype(np.uint8)
        return self._alter(frame), []


def planned(folder: Path, seed: int, day: Day, days: int) -> PlannedVideo:
    """Plan the video of a day, one of so many of its camera."""
    eye = RealEye(seed, day, days) if day.is_real else DrawnEye(seed, day)
    started_at = FIRST_DAY + timedelta(days=day.number)
    return PlannedVideo(folder / "plant", day.camera, started_at, eye, FRAMES, ())


@cache
def real_frames(name: str) -> list[Frame]:
    """Decode a real video, each second frame."""
    with av.open(str(DATA / "videos" / f"{name}.mp4")) as container:
        frames = (frame for number, frame in enumerate(container.decode(video=0)) if number % 2 == 0)
        images = (Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in frames)
        return [np.asarray(image.resize(SIZE, Image.Resampling.BOX)) for image in images]


def _alteration(day: Day, generator: np.random.Generator) -> Callable[[Frame], Frame]:
    """Return what a change does to each frame of its day."""
    width, height = SIZE
    if day.change is Change.LAMP:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        centre_x, centre_y = width * generator.uniform(0.2, 0.8), height * generator.uniform(0.2, 0.8)
        away = ((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * (0.15 * width) ** 2)
        glow = 1 + np.exp(-away)[:, :, None] * np.array([0.9, 0.8, 0.6], np.float32)  # light times what it falls on
        return lambda frame: np.clip(frame * glow, 0, 255).astype(np.uint8)
    if day.change is Change.LENS:
        left, top = int(generator.integers(8, 19)), int(generator.integers(5, 10))
        box = (left, top, left + round(width * 0.97), top + round(height * 0.97))
        return lambda frame: np.asarray(Image.fromarray(frame).resize(SIZE, Image.Resampling.BILINEAR, box))
    if day.change is Change.FOG:
        thick = float(generator.uniform(0.3, 0.45))
        return lambda frame: (frame * (1 - thick) + 190 * thick).astype(np.uint8)
    if day.change is Change.PRODUCT and day.is_real:
        photo, (left, top) = _product(generator), (int(generator.integers(60, 480)), int(generator.integers(150, 260)))

        def placed(frame: Frame) -> Frame:
            changed = frame.copy()
            changed[top : top + photo.shape[0], left : left + photo.shape[1]] = photo
            return changed

        return placed
    return lambda frame: frame


def _product(generator: np.random.Generator) -> Frame:
    """Cut a tool out of a real photograph: 90 x 70 pixels."""
    paths = sorted((DATA / "tools17" / "images" / "val").iterdir())
    with Image.open(paths[int(generator.integers(len(paths)))]) as photo:
        return np.asarray(photo.convert("RGB").crop((160, 120, 480, 368)).resize((90, 70)))


def quiet_days(cameras: Sequence[str], numbers: range) -> Iterator[Day]:
    """Give quiet days of cameras."""
    for camera in cameras:
        for number in numbers:
            yield Day(camera, number)
