"""Things on reconstructed images: objects that a public detector finds, and the colours of what is boxed."""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from raypp.audit.core.model import Frames, Images
from raypp.audit.core.recognised import ColourFigures, ObjectFigures
from raypp.audit.recognition.colours import Colour, colour_of
from raypp.audit.recognition.enlarging import enlarged
from raypp.detect.public import NO_SIGHTINGS, PublicDetector, Sightings, open_public
from raypp.geometry.boxes import box_iou

Place: TypeAlias = tuple[int, slice, slice]
"""Number of an image, and rows and columns of a box."""

_SURELY, _LIKELY = 0.5, 0.25
"""Confidence from which an object is there on an original, and from which it is found again: the attacker's side."""
_SAME_PLACE = 0.5
_NOISE, _NOISE_SEED = 2.5, 0
"""Of a camera, in grey levels."""


@dataclass(frozen=True)
class Objects:
    """Objects that a public detector finds on the originals.

    Attributes:
        detector: which looks at reconstructed images, too.
        there: what is surely found on each original.
        again: how many of that are found on the originals under a camera's noise.
        grey: how many on the originals' mean colours.
    """

    detector: PublicDetector
    there: tuple[Sightings, ...]
    again: int
    grey: int

    @classmethod
    def on(cls, frames: Frames, detector: PublicDetector) -> "Objects":
        """Look at the originals, and at what bounds any attack from above and from below."""
        there = tuple(detector.find(enlarged(frame), _SURELY) for frame in frames)
        noise = np.random.default_rng(_NOISE_SEED).normal(0, _NOISE, frames.shape)
        noisy = np.clip(np.rint(frames + noise), 0, 255).astype(np.uint8)
        means = np.rint(frames.mean(axis=(1, 2), keepdims=True)).astype(np.uint8)
        grey = np.broadcast_to(means, frames.shape)
        with_objects = {place for place, sightings in enumerate(there) if len(sightings)}
        return cls(detector, there, *(_met(there, _seen(some, detector, with_objects)) for some in (noisy, grey)))

    def look(self, reconstructed: Frames) -> ObjectFigures:
        """Look at reconstructed images, in the order of the originals."""
        own = {place for place, sightings in enumerate(self.there) if len(sightings)}
        dealt = {(place + 1) % len(self.there) for place in own}
        seen = _seen(reconstructed, self.detector, own | dealt)
        return ObjectFigures(
            objects=sum(map(len, self.there)),
            found=_met(self.there, seen),
            others=_met(self.there, seen[1:] + seen[:1]),
            again=self.again,
            grey=self.grey,
        )

    def places(self, frames: Frames) -> list[Place]:
        """Where they are on the originals."""
        return [
            (image, *_box(corners / (enlarged(frames[image]).shape[1] / frames.shape[2])))
            for image, sightings in enumerate(self.there)
            for corners in sightings.boxes_P4
        ]


@dataclass(frozen=True)
class Things:
    """Objects and colours on the originals, to be told again.

    Attributes:
        objects: None without public weights of a detector.
        places: boxes on the originals.
        colours: of each.
        guessed: how many have it on the best guess from labels alone.
    """

    objects: Objects | None
    places: tuple[Place, ...]
    colours: tuple[Colour, ...]
    guessed: int

    @classmethod
    def on(cls, victims: Images, blind: Frames, weights: Path | None) -> "Things":
        """Look at the originals.

        Args:
            victims: the originals.
            blind: the best images that labels alone allow.
            weights: public weights, of a detector or of something else.

        Raises:
            ModelError: if the weights are no checkpoint.
        """
        detector = open_public(weights) if weights else None
        objects = Objects.on(victims.frames, detector) if detector else None
        places = _labelled(victims) or (objects.places(victims.frames) if objects else [])
        kept = tuple(place for place in places if victims.frames[place].size)
        colours = _named(kept, victims.frames)
        return cls(objects, kept, colours, _alike(colours, _named(kept, blind)))

    def look(self, reconstructed: Frames) -> tuple[ObjectFigures | None, ColourFigures | None]:
        """Look at reconstructed images, in the order and of the shape of the originals."""
        return self.objects.look(reconstructed) if self.objects else None, self._colours(reconstructed)

    def _colours(self, reconstructed: Frames) -> ColourFigures | None:
        if not self.colours:
            return None
        named = _named(self.places, reconstructed)
        mine, true = Counter(named), Counter(self.colours)
        return ColourFigures(
            boxes=len(self.colours),
            right=_alike(self.colours, named),
            by_chance=round(sum(mine[colour] * true[colour] for colour in true) / len(named), 2),
            commonest=max(true.values()),
            guessed=self.guessed,
        )


def _seen(frames: Frames, detector: PublicDetector, places: Container[int]) -> list[Sightings]:
    """Detect on the images in some places; on others nothing is looked for, as nothing there could count."""
    return [
        detector.find(enlarged(frame), _LIKELY) if place in places else NO_SIGHTINGS
        for place, frame in enumerate(frames)
    ]


def _met(there: tuple[Sightings, ...], seen: list[Sightings]) -> int:
    """How many objects are seen: of the same class, and with boxes that overlap by half."""
    return sum(
        int(
            ((box_iou(original.boxes_P4, other.boxes_P4) >= _SAME_PLACE) & _same_class(original, other))
            .any(axis=1)
            .sum()
        )
        for original, other in zip(there, seen, strict=True)
    )


def _same_class(some: Sightings, others: Sightings) -> np.typing.NDArray[np.bool_]:
    return np.asarray(some.classes_P[:, None] == others.classes_P[None])


def _labelled(victims: Images) -> list[Place]:
    height, width = victims.frames.shape[1:3]
    scale = np.array((width, height, width, height))
    return [
        (image, *_box(scale * (box.x - box.w / 2, box.y - box.h / 2, box.x + box.w / 2, box.y + box.h / 2)))
        for image, boxes in enumerate(victims.boxes)
        for _, box in boxes
    ]


def _box(corners_4: np.typing.NDArray[np.floating]) -> tuple[slice, slice]:
    left, top, right, bottom = (max(0, round(float(corner))) for corner in corners_4)
    return slice(top, bottom), slice(left, right)


def _named(places: tuple[Place, ...], frames: Frames) -> tuple[Colour, ...]:
    return tuple(colour_of(frames[place]) for place in places)


def _alike(some: tuple[Colour, ...], others: tuple[Colour, ...]) -> int:
    return sum(colour == other for colour, other in zip(some, others, strict=True))
