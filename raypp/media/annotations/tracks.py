"""Objects that labelling tools follow through a video: keyframes, straight lines between them, and switches."""

from bisect import bisect_right
from dataclasses import dataclass

from raypp.geometry.boxes import Edges


@dataclass(frozen=True)
class Keyframe:
    """Where an object is at a frame.

    Attributes:
        frame: number of the frame, from 0.
        edges: where it is.
        shown: whether it is to be seen at this frame.
        goes_on: whether it is to be seen after this frame, until the next keyframe.
    """

    frame: int
    edges: Edges
    shown: bool = True
    goes_on: bool = True


@dataclass(frozen=True)
class LabelTrack:
    """One object.

    Attributes:
        name: its class.
        keyframes: by rising frame, each once; at least one.
        last: the last frame up to which the last keyframe holds.
    """

    name: str
    keyframes: tuple[Keyframe, ...]
    last: int

    def at(self, frame: int) -> Edges | None:
        """Return where the object is at a frame, interpolated on a straight line; None where it is not to be seen."""
        place = bisect_right(self.keyframes, frame, key=lambda keyframe: keyframe.frame) - 1
        if place < 0 or frame > self.last:
            return None
        before = self.keyframes[place]
        if before.frame == frame:
            return before.edges if before.shown else None
        if not before.goes_on:
            return None
        if place + 1 == len(self.keyframes):
            return before.edges
        after = self.keyframes[place + 1]
        share = (frame - before.frame) / (after.frame - before.frame)
        left, top, right, bottom = (
            start + share * (end - start) for start, end in zip(before.edges, after.edges, strict=True)
        )
        return left, top, right, bottom


def by_frame(keyframes: list[Keyframe]) -> tuple[Keyframe, ...]:
    """Keyframes by rising frame; of two at one frame the later in the document counts."""
    return tuple(
        sorted({keyframe.frame: keyframe for keyframe in keyframes}.values(), key=lambda keyframe: keyframe.frame)
    )
