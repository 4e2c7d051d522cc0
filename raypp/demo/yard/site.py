"""Yards to develop with, to train on and to be judged by: frames and truth from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from raypp.demo.yard.figure import CELL, HEIGHT, WIDTH
from raypp.demo.yard.script import Person, write_script
from raypp.demo.yard.sight import Scene, SeenPerson
from raypp.usage.observation import Detection, Observation, SeenFrame

FPS = 10


class Seeds(Enum):
    """Purpose of a yard; no two kinds share one."""

    DEVELOP = 0
    TRAIN = 1
    JUDGE = 2


@dataclass(frozen=True)
class TrueFrame:
    """One frame as a perfect detector sees it, and the truth about everybody there.

    Attributes:
        frame: what the fold reads.
        people: everybody in the image, seen or not; of a covered camera, too.
    """

    frame: SeenFrame
    people: tuple[SeenPerson, ...]


@dataclass(frozen=True)
class Yard:
    """One yard.

    Attributes:
        people: the script.
        seconds: for how long.
        covered: from when to when the camera is covered.
        cell: side of a cell of the veil, in pixels of the yard: what spans too few of them cannot be told.
    """

    people: tuple[Person, ...]
    seconds: float
    covered: tuple[float, float]
    cell: int = CELL

    @classmethod
    def make(cls, seeds: Seeds, number: int, seconds: float = 90.0, cell: int = CELL, tall: float = 1.0) -> "Yard":
        """Make a yard from its number among those of its kind; `tall` is that of `write_script`."""
        generator = np.random.default_rng([seeds.value, number])
        people = write_script(seconds, generator, tall)
        start = float(generator.uniform(0.3, 0.6)) * seconds
        lasts = float(generator.uniform(1.0, 8.0)) if generator.random() < 0.5 else 0.0
        return cls(people, seconds, (start, start + lasts), cell)

    @cached_property
    def frames(self) -> tuple[TrueFrame, ...]:
        """All frames, in order."""
        return tuple(self._frame(index) for index in range(round(self.seconds * FPS)))

    def _frame(self, index: int) -> TrueFrame:
        time_s = index / FPS
        figures = ((number, person, person.figure(time_s)) for number, person in enumerate(self.people))
        there = [(number, figure, person.outfit(time_s)) for number, person, figure in figures if figure]
        scene = Scene(there, self.cell)
        covered = self.covered[0] <= time_s < self.covered[1]
        observation = Observation.COVERED if covered else Observation.OBSERVED
        detections = () if covered else tuple(scene.detections)
        return TrueFrame(SeenFrame(index, round(time_s * 1e6), observation, detections), tuple(scene.seen))


def trembling(
    frames: tuple[SeenFrame, ...], generator: np.random.Generator, pixels: float = 1.0, missed: float = 0.02
) -> Iterator[SeenFrame]:
    """Move each edge of each box by up to so many pixels, and leave out a share of the boxes."""
    for frame in frames:
        kept = [detection for detection in frame.detections if generator.random() >= missed]
        detections = tuple(_moved(detection, generator.uniform(-pixels, pixels, 4)) for detection in kept)
        yield SeenFrame(frame.frame_index, frame.timestamp_us, frame.observation, detections)


def _moved(detection: Detection, by: np.ndarray) -> Detection:
    left, right = sorted((detection.x1 + float(by[0]) / WIDTH, detection.x2 + float(by[1]) / WIDTH))
    top, bottom = sorted((detection.y1 + float(by[2]) / HEIGHT, detection.y2 + float(by[3]) / HEIGHT))
    corners = (min(max(edge, 0.0), 1.0) for edge in (left, top, right, bottom))
    return Detection(detection.class_id, detection.confidence, *corners)
