"""One camera on the floor: images moment by moment, boxes of people and items, and who wore what."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from raypp.demo.floor.script import write_floor_script
from raypp.demo.workshop.render import Visible
from raypp.demo.yard.figure import CLASSES, WIDTH
from raypp.demo.yard.render import SIZE, YardCamera
from raypp.demo.yard.script import Person
from raypp.demo.yard.sight import Scene
from raypp.demo.yard.site import TrueFrame
from raypp.usage.observation import Observation, SeenFrame

CELLS = 40
"""Cells along the image where a square of 320 pixels has patches of 8."""
LABELLED = ("person", "helmet", "no_helmet", "vest", "no_vest", "glasses")
"""Classes that the video is labelled with."""


class FloorCamera:
    """Renders what a camera on the floor sees.

    Args:
        people: the script.
        generator: chooses ground, light and colours.
    """

    classes: tuple[str, ...] = LABELLED

    def __init__(self, people: Sequence[Person], generator: np.random.Generator) -> None:
        self._people = people
        self._camera = YardCamera(people, generator)

    @classmethod
    def make(cls, seconds: float, generator: np.random.Generator) -> "FloorCamera":
        """Make a floor, who comes there, and who sees it."""
        return cls(write_floor_script(seconds, generator), generator)

    def image(self, index: int, time_s: float) -> tuple[npt.NDArray[np.uint8], list[Visible]]:
        """Render a moment.

        Args:
            index: number of the frame, which picks its noise.
            time_s: presentation time in seconds.

        Returns:
            uint8[H, W, 3] and what is visible of people and of what they wear.
        """
        width, height = SIZE
        visible = [
            Visible(
                LABELLED.index(CLASSES[seen.class_id]),
                (round(seen.x1 * width), round(seen.y1 * height), round(seen.x2 * width), round(seen.y2 * height)),
            )
            for seen in self._scene(time_s).detections
            if CLASSES[seen.class_id] in LABELLED
        ]
        return self._camera.image(index, time_s), visible

    def truth(self, index: int, time_s: float) -> TrueFrame:
        """Return what a perfect detector finds at a moment, and the truth about everybody there."""
        scene = self._scene(time_s)
        frame = SeenFrame(index, round(time_s * 1e6), Observation.OBSERVED, tuple(scene.detections))
        return TrueFrame(frame, tuple(scene.seen))

    def _scene(self, time_s: float) -> Scene:
        figures = ((number, person, person.figure(time_s)) for number, person in enumerate(self._people))
        there = [(number, figure, person.outfit(time_s)) for number, person, figure in figures if figure]
        return Scene(there, WIDTH // CELLS)
