"""A detector's network as an engine runs it: codes in batches of one fixed shape, what the head gives out."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from raypp.detect.inputs.batch import NO_CELL

Run = Callable[[Tensor], Tensor]
"""Computes a batch: codes uint8[B, C + 1, G, G] to what a head gives, float32[B, 4 + classes, P] or [B, P, 6]."""


@dataclass(frozen=True)
class BatchShape:
    """Shape of a batch: how many frames are computed together, planes of codes and sub-key, side of the grid."""

    frames: int
    planes: int
    side: int

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """The same as sizes of a tensor."""
        return self.frames, self.planes, self.side, self.side


class EngineNetwork(nn.Module):
    """A detector that an engine runs, in the place of the torch module that it was made of.

    The last bits of a sum depend on how many frames are computed together, and on the number of threads. An engine
    fixes both, so a frame's detections depend on nothing but the frame.

    Args:
        run: computes a batch.
        shape: of each batch; what is missing of one is filled with empty squares.
        device: where its detections lie.
        end2end: whether the head gives detections, which need no suppression.
        engine: name, version and precision.
    """

    def __init__(self, run: Run, shape: BatchShape, device: torch.device, *, end2end: bool, engine: str) -> None:
        super().__init__()
        self._run = run
        self.shape, self.device, self.end2end, self.engine = shape, device, end2end, engine

    @torch.inference_mode()
    def forward(self, codes_NCGG: Tensor) -> Tensor:
        """Compute what the detector's head gives for any number of frames but none, uint8[N, C + 1, G, G]."""
        frames = self.shape.frames
        return torch.cat([self._batch(codes_NCGG[at : at + frames]) for at in range(0, len(codes_NCGG), frames)])

    def _batch(self, codes_NCGG: Tensor) -> Tensor:
        count = len(codes_NCGG)
        if count < self.shape.frames:
            filled = codes_NCGG.new_full(self.shape.sizes, NO_CELL)
            filled[:count] = codes_NCGG
            return self._run(filled)[:count]
        return self._run(codes_NCGG)
