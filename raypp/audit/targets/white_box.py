"""A veil in the hands of whoever holds its key: the way from pixels to codes, with gradients."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from raypp.audit.core.model import Codes, WhiteBox
from raypp.audit.targets.program import Program
from raypp.veil.key import Secret
from raypp.veil.learned import LearnedEncoder
from raypp.veil.patch import PatchEncoder
from raypp.veil.substitution import Substitution

_SMOOTH = 1e4
"""Keeps the square root's slope finite at nothing: projections of less than its own root are near nothing."""


def open_white_box(encoder: PatchEncoder | LearnedEncoder) -> WhiteBox:
    """Return what a stream's encoder is to whoever holds the key.

    Raises:
        ModelError: if a learned veil's network has an operation without a gradient here.
    """
    if isinstance(encoder, PatchEncoder):
        return WhiteBoxPatch(encoder)
    return WhiteBoxNetwork(encoder.names, Program.of(encoder.network.content))


@dataclass(frozen=True, repr=False, eq=False)
class WhiteBoxPatch(Secret):
    """The patch veil's chain in real numbers: both folds as they are, whole numbers left as they come.

    Attributes:
        encoder: of the stream, with all its tables.
    """

    encoder: PatchEncoder
    reach: ClassVar[int] = 0

    def values(self, pixels_N3HW: Tensor) -> Tensor:
        """Return values in steps before they are cut, float[N, C, H/p, W/p]: level n is where n <= value < n + 1."""
        tables, spec = self.encoder.tables, self.encoder.spec
        first, second = (torch.from_numpy(table).float() for table in (tables.first, tables.second))
        count, _, height, width = pixels_N3HW.shape
        rows, columns = height // spec.patch, width // spec.patch
        cut = pixels_N3HW.reshape(count, 3, rows, spec.patch, columns, spec.patch)
        patches_NSK = cut.permute(0, 2, 4, 3, 5, 1).reshape(count, rows * columns, -1)
        projected_NCS = first @ patches_NSK.transpose(1, 2)
        rooted_NCS = projected_NCS / (projected_NCS.square() + _SMOOTH) ** 0.25
        folded_NCS = _fold(rooted_NCS + torch.from_numpy(tables.offset), tables.period)
        mixed_NCS = second @ folded_NCS + torch.from_numpy(self.encoder.added((rows, columns)))
        steps_NCS = _fold(mixed_NCS, tables.span) / (tables.span >> spec.bits)
        return steps_NCS.reshape(count, spec.channels, rows, columns)

    def levels(self, codes: Codes) -> Codes:
        """Return codes as they are: they are levels."""
        return codes


@dataclass(frozen=True, repr=False, eq=False)
class WhiteBoxNetwork(Secret):
    """A learned veil's encoder, and the names of its levels.

    Attributes:
        names: the stream's keyed substitution.
        program: the encoder.
    """

    names: Substitution
    program: Program
    reach: ClassVar[int] = 2

    def values(self, pixels_N3HW: Tensor) -> Tensor:
        """Return levels yet to be rounded and one half, float[N, C, H/p, W/p]: level n is where n <= value < n + 1."""
        return self.program(pixels_N3HW) + 0.5

    def levels(self, codes: Codes) -> Codes:
        """Return the encoder's own levels, in its own order of channels."""
        meant = np.argsort(self.names.names, axis=1).astype(np.uint8)
        out = np.empty_like(codes)
        for channel, source in enumerate(self.names.source):
            out[:, source] = meant[channel][codes[:, channel]]
        return out


def _fold(value: Tensor, height: int) -> Tensor:
    """Triangle wave of period 2*height, as of whole numbers in `raypp.veil.patch`."""
    return (torch.remainder(value, 2 * height) - height).abs()
