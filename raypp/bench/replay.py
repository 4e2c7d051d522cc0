"""Codes of a video as messages of the wire, to be sent again and again by any number of streams."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np

from protos import raypp_pb2 as pb
from raypp.bench.veiling import sampled_frames
from raypp.capacity.rates import WireRate
from raypp.media.sampling import Sampling, SamplingMode
from raypp.veil.key import VeilKey
from raypp.veil.packing import Codes
from raypp.veil.spec import VeilSpec
from raypp.veil.veil import Veil
from raypp.wire.frames import CellEncoder
from raypp.wire.grid import CellGrid

_CHUNK_FRAMES, _MOST_FRAMES = 8, 40


@dataclass(frozen=True)
class Replay:
    """Frames of the wire: one that is whole, and a round of frames, each against the one before.

    Attributes:
        whole: of the round's first code.
        following: of each code after the one before it; of the first, after the last.
        width: of the video's frames, in pixels.
        height: likewise.
    """

    whole: pb.Frame
    following: tuple[pb.Frame, ...]
    width: int
    height: int

    @classmethod
    def of_video(cls, video: Path, size: int, spec: VeilSpec, key: VeilKey, fps: float) -> Self:
        """Veil the first frames, forty at most, that a camera would send of a video.

        Args:
            video: the file.
            size: side of the square, in pixels.
            spec: of the veil.
            key: of the veil.
            fps: frames a second that are taken.
        """
        encoder = Veil(spec, key).stream("site", "camera")
        sampling = Sampling(SamplingMode.RATE, Fraction(fps).limit_denominator(1000))
        frames = list(islice(sampled_frames(video, size, spec.patch, sampling), _MOST_FRAMES))
        codes = np.concatenate([encoder.encode(frame.pixels[None]) for frame in frames])
        width, height = frames[0].source_width, frames[0].source_height
        return cls.of_codes(codes, CellGrid.of(spec, size, width, height), width, height)

    @classmethod
    def of_codes(cls, codes: Codes, grid: CellGrid, width: int, height: int) -> Self:
        """Encode codes, uint8[N, C, rows, columns], of frames of a width and a height."""
        cells = CellEncoder(grid)
        whole, *rest = (cells.encode(code, 0, 0) for code in codes)
        return cls(whole, (cells.encode(codes[0], 0, 0), *rest), width, height)

    def frame(self, index: int, timestamp_us: int) -> pb.Frame:
        """Return a frame to send; a connection sends them one after another, and begins with number 0.

        Args:
            index: its number in its stream.
            timestamp_us: when it was captured, microseconds since 1970.
        """
        frame = pb.Frame()
        frame.CopyFrom(self.following[index % len(self.following)] if index else self.whole)
        frame.frame_index, frame.timestamp_us = index, timestamp_us
        return frame

    def wire_rate(self, name: str, size: int, start_us: int) -> WireRate:
        """Return bytes on the wire, under the name of the spec; frames are of `start_us`, microseconds since 1970."""
        frames = [self.frame(index, start_us + 500_000 * index) for index in range(1, len(self.following) + 1)]
        chunk = pb.Chunk(sequence=1 << 20, committed_seen=1 << 20, frames=frames[:_CHUNK_FRAMES])
        message = pb.StreamFramesRequest(chunk=chunk)
        sizes = [frame.ByteSize() for frame in frames]
        return WireRate(
            spec=name,
            size=size,
            first_bytes=self.whole.ByteSize(),
            frame_bytes=sum(sizes) / len(sizes),
            chunk_bytes=message.ByteSize() - sum(sizes[:_CHUNK_FRAMES]) + 5,  # five that gRPC puts before a message
        )
