"""Chunks as they come off the wire: checked, then decoded to what detectors and the fold are fed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from protos import raypp_pb2 as pb
from raypp.serving.limits import ServiceLimits
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.status import Status, StatusError
from raypp.usage.observation import Observation, SeenFrame
from raypp.veil.packing import Codes
from raypp.wire.frames import CellDecoder
from raypp.wire.messages import check_chunk


@dataclass(frozen=True)
class ReadChunk:
    """A decoded chunk.

    Attributes:
        sequence: its number.
        last: whether the stream ends with it.
        frames: its frames, without detections.
        block: codes of those that were observed, in order; None where there are none.
    """

    sequence: int
    last: bool
    frames: tuple[SeenFrame, ...]
    block: FrameBlock | None

    def seen(self, detected: DetectedBlock | None) -> tuple[SeenFrame, ...]:
        """Return the frames with what was found on those that were observed."""
        return with_detections(self.frames, detected)


def require_size(model: ServedModel, size: int) -> None:
    """Refuse frames that were letterboxed to another square than the model's.

    Args:
        model: the model that is to look at them.
        size: side of the square that they were veiled at, in pixels; 0 where the site does not say.

    Raises:
        RefusedError: FAILED_PRECONDITION.
    """
    if size not in {0, model.size}:
        raise StatusError(
            Status.FAILED_PRECONDITION,
            f"this model takes {model.size} pixels, and these frames were veiled at {size}: give `size` {model.size}",
        )


class ChunkReader:
    """Reads the chunks of one connection, in order: a frame may be a change against the one before.

    Args:
        model: the model that is to look at them.
        width, height: size of the source's frame, in pixels.
        sub_key: public index of the sub-key.
        limits: of the service.

    Raises:
        WireError: if width or height is out of range.
        RefusedError: FAILED_PRECONDITION for a sub-key that the veil does not have.
    """

    def __init__(self, model: ServedModel, width: int, height: int, sub_key: int, limits: ServiceLimits) -> None:
        if sub_key >= model.spec.sub_keys:
            raise StatusError(
                Status.FAILED_PRECONDITION,
                f"sub-key {sub_key} is none of veil {model.veil_id}, which has {model.spec.sub_keys}, from 0",
            )
        self._decoder = CellDecoder(model.grid(width, height))
        self._width, self._height, self._sub_key = width, height, sub_key
        self._limits = limits.message()

    def check(self, message: pb.Chunk) -> None:
        """Check all of a chunk but its cells' values; raises WireError."""
        check_chunk(message, self._limits)

    def read(self, message: pb.Chunk) -> ReadChunk:
        """Decode a chunk; raises WireError if a frame does not decode."""
        frames, block = self.frames(message.frames)
        return ReadChunk(message.sequence, message.last, frames, block)

    def frames(self, messages: Iterable[pb.Frame]) -> tuple[tuple[SeenFrame, ...], FrameBlock | None]:
        """Decode frames in order; returns them without detections, and the codes of the observed ones."""
        frames: list[SeenFrame] = []
        codes: list[Codes] = []
        for message in messages:
            code = self._decoder.decode(message)
            frames.append(SeenFrame(message.frame_index, message.timestamp_us, Observation(message.observation)))
            if code is not None:
                codes.append(code)
        block = FrameBlock(np.stack(codes), self._sub_key, self._width, self._height) if codes else None
        return tuple(frames), block


def with_detections(frames: Iterable[SeenFrame], detected: DetectedBlock | None) -> tuple[SeenFrame, ...]:
    """Return frames with what was found on those that were observed, in order; None where none was."""
    detections = iter(detected.frames if detected is not None else ())
    return tuple(
        replace(frame, detections=next(detections)) if frame.observation is Observation.OBSERVED else frame
        for frame in frames
    )
