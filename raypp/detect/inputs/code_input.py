"""The input of a detector on codes."""

from dataclasses import dataclass

_NECK_STRIDE = 8
"""The finest stride that necks of the supported families read."""


@dataclass(frozen=True)
class CodeInput:
    """Shape and range of the codes that a detector takes.

    Attributes:
        channels: code values per cell.
        bits: bits per code value.
        patch: side of a cell, in source pixels: 4, 8 or 16.
        sub_keys: number of sub-keys that the adapter tells apart; 1 to treat them all alike.
    """

    channels: int
    bits: int
    patch: int
    sub_keys: int = 1

    @property
    def stride(self) -> int:
        """Stride, in source pixels, of the features that the adapter makes."""
        return min(self.patch, _NECK_STRIDE)
