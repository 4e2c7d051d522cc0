"""The grid of cells that one stream's frames have, and its place in the square that a detector sees."""

from dataclasses import dataclass
from typing import Self

from raypp.errors import WireError
from raypp.geometry.window import Window
from raypp.veil.packing import Codes, packed_size
from raypp.veil.spec import VeilSpec

MOST_SOURCE_PIXELS = 16_384
"""Largest width or height of a source's frame."""


@dataclass(frozen=True, slots=True)
class CellGrid:
    """Shape of one frame's code and where it lies in the square; fixed by spec, size and the source's frame.

    Attributes:
        channels: code values per cell.
        bits: bits per code value.
        rows, columns: the frame's window, in cells.
        row_offset, column_offset: its place in the square, in cells.
        side: side of the square, in cells.
    """

    channels: int
    bits: int
    rows: int
    columns: int
    row_offset: int
    column_offset: int
    side: int

    @classmethod
    def of(cls, spec: VeilSpec, size: int, width: int, height: int) -> Self:
        """Return the grid of frames of a source.

        Args:
            spec: the veil's spec.
            size: side of the letterboxed square, in pixels.
            width: width of the source's frames after rotation, in pixels.
            height: height likewise.

        Raises:
            WireError: if width or height is out of range.
        """
        if not (1 <= width <= MOST_SOURCE_PIXELS and 1 <= height <= MOST_SOURCE_PIXELS):
            raise WireError(f"frames of {width}x{height} pixels: width and height must be 1 to {MOST_SOURCE_PIXELS}")
        window = Window(size, spec.patch, width, height)
        return cls(
            channels=spec.channels,
            bits=spec.bits,
            rows=window.rows,
            columns=window.columns,
            row_offset=window.row_offset,
            column_offset=window.column_offset,
            side=window.grid,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a code: channels, rows, columns."""
        return self.channels, self.rows, self.columns

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.rows * self.columns

    @property
    def packed_bytes(self) -> int:
        """Bytes that a packed code takes."""
        return packed_size(self.cells * self.channels, self.bits)

    def place(self, code: Codes, square: Codes) -> None:
        """Write a code, uint8[C, rows, columns], into its window of a square, uint8[C, side, side], in place."""
        top, left = self.row_offset, self.column_offset
        square[:, top : top + self.rows, left : left + self.columns] = code
