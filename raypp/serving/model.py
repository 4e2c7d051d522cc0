"""A served detector and its input, described without torch, so that gateways need none."""

from dataclasses import dataclass, replace

from raypp.usage.observation import Detection
from raypp.usage.reliability import Reliabilities
from raypp.veil.packing import Codes
from raypp.veil.spec import VeilSpec
from raypp.wire.grid import CellGrid


@dataclass(frozen=True)
class ServedModel:
    """A detector as the service describes it.

    Attributes:
        model_id: SHA-256 of the bundle's file, 64 hex digits.
        veil_id: the veil that it reads, 32 hex digits.
        spec: the veil's spec.
        size: side of the letterboxed square, in pixels.
        classes: names of the classes, by class_id.
        engine: what computes it, with version and precision; empty until it is loaded.
        reliabilities: how far it is to be believed on each class; empty where the bundle does not tell.
    """

    model_id: str
    veil_id: str
    spec: VeilSpec
    size: int
    classes: tuple[str, ...]
    engine: str = ""
    reliabilities: Reliabilities = ()

    def grid(self, width: int, height: int) -> CellGrid:
        """Return the grid of a source's codes; raises WireError if width or height, in pixels, is out of range."""
        return CellGrid.of(self.spec, self.size, width, height)

    def may_replace(self, running: "ServedModel") -> str | None:
        """Say why this model may not take the place of another while streams run; None if it may.

        Classes may be added or left out at the end, since a stream's class ids must keep their meaning.
        """
        if self.veil_id != running.veil_id:
            return f"it reads veil {self.veil_id}, the running one {running.veil_id}"
        if self.size != running.size:
            return f"its square is {self.size} pixels, the running one's {running.size}"
        shared = min(len(self.classes), len(running.classes))
        if self.classes[:shared] != running.classes[:shared]:
            return f"its classes are {', '.join(self.classes)}, the running one's {', '.join(running.classes)}"
        return None


@dataclass(frozen=True)
class FrameBlock:
    """Frames of one source to detect on.

    Attributes:
        codes: uint8[N, C, rows, columns], values in [0, 2**bits).
        sub_key: public index of the sub-key.
        width, height: size of the source's frame, in pixels.
        traceparent: span that asks for the detections, as W3C Trace Context has it; empty for none.
    """

    codes: Codes
    sub_key: int
    width: int
    height: int
    traceparent: str = ""

    def __len__(self) -> int:
        return len(self.codes)

    def pieces(self, most: int) -> "tuple[FrameBlock, ...]":
        """Return the same frames in blocks of at most so many."""
        return tuple(replace(self, codes=self.codes[at : at + most]) for at in range(0, len(self), most))


@dataclass(frozen=True)
class DetectedBlock:
    """Detections on the frames of a block, in order.

    Attributes:
        model_id: the model that found it.
        frames: detections of each frame.
    """

    model_id: str
    frames: tuple[tuple[Detection, ...], ...]
