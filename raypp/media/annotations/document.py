"""Content of a labelling tool's document: labels of images, labels of videos, and what is not understood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from raypp.media.annotations.boxes import LabelledShape
from raypp.media.annotations.tracks import LabelTrack


@dataclass(frozen=True)
class ImageAnnotation:
    """One image of a document.

    Attributes:
        name: its file, as the document names it.
        extent: width and height in units of the shapes.
        shapes: labelled regions; none for an image that was looked at and is empty.
        split: the part of the dataset that the document puts it in, or None.
        problem: why its labels cannot be used, or None.
        in_pixels: whether the extent is the image's size in pixels.
    """

    name: str
    extent: tuple[float, float]
    shapes: tuple[LabelledShape, ...]
    split: str | None = None
    problem: str | None = None
    in_pixels: bool = True


@dataclass(frozen=True)
class VideoAnnotation:
    """One video of a document, by number of frame.

    Attributes:
        name: its file, as the document names it; None where it names none.
        extent: width and height of a frame, in units of the shapes.
        first, last: the annotated frames, numbered from 0 in order of presentation; without a shape they are empty.
        tracks: objects that are interpolated between keyframes.
        frames: other shapes, by frame. If there is no track, only these frames are annotated.
        rate: frames a second that the tool numbers them by, if not by the video's own frames.
        where: the document, for messages.
    """

    name: str | None
    extent: tuple[float, float]
    first: int
    last: int
    where: str
    tracks: tuple[LabelTrack, ...] = ()
    frames: Mapping[int, tuple[LabelledShape, ...]] = field(default_factory=dict)
    rate: float | None = None

    def shapes_at(self, frame: int) -> tuple[LabelledShape, ...] | None:
        """Return the shapes of a frame; None for one that was not annotated."""
        if not self.first <= frame <= self.last or (not self.tracks and self.frames and frame not in self.frames):
            return None
        moved = ((track.name, track.at(frame)) for track in self.tracks)
        return (
            *self.frames.get(frame, ()),
            *(LabelledShape(name, edges) for name, edges in moved if edges is not None),
        )


@dataclass(frozen=True)
class Annotations:
    """Content of one document.

    Attributes:
        tool: name of the format, for people.
        classes: names of the classes, in the document's order.
        images, videos: what is labelled.
        left_out: one line for each kind of thing that no box can be made of.
    """

    tool: str
    classes: tuple[str, ...]
    images: tuple[ImageAnnotation, ...] = ()
    videos: tuple[VideoAnnotation, ...] = ()
    left_out: tuple[str, ...] = ()


class AnnotationReader(Protocol):
    """Reads one format; the document is what its syntax (JSON, XML) makes of the file."""

    def recognises(self, document: Any) -> bool:
        """Whether the document is of this format."""

    def read(self, document: Any, where: str) -> Annotations:
        """Read it.

        Raises:
            LabelError: naming the file, if it cannot be understood.
        """


def left_out_lines(where: str, kinds: Mapping[str, int], remedy: str) -> tuple[str, ...]:
    """One line for each kind of thing left out, with how many there are."""
    return tuple(f"{where}: {count} {kind} left out, {remedy}" for kind, count in sorted(kinds.items()))


def names_in_order(*groups: Sequence[str]) -> tuple[str, ...]:
    """All names once, in order of first mention."""
    return tuple(dict.fromkeys(name for group in groups for name in group))
