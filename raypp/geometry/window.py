"""The window: the part of the letterboxed square that holds the frame, in pixels and in cells."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Where a source's frame lies in the square that a detector sees; a pure function of four integers.

    The frame's long side is scaled to the square's side, never cropped; the content is padded at right and bottom to
    whole patches, and that window is centred in the square at a cell-aligned place.

    Args:
        size: side of the square, in pixels; a multiple of `patch`.
        patch: side of a cell, in pixels.
        source_width: width of the source's frames, in pixels, after rotation.
        source_height: height of the source's frames, in pixels, after rotation.
    """

    size: int
    patch: int
    source_width: int
    source_height: int

    @property
    def content_width(self) -> int:
        """Width of the scaled frame, in pixels."""
        return self._scaled(self.source_width)

    @property
    def content_height(self) -> int:
        """Height of the scaled frame, in pixels."""
        return self._scaled(self.source_height)

    @property
    def rows(self) -> int:
        """Height of the window, in cells."""
        return -(-self.content_height // self.patch)

    @property
    def columns(self) -> int:
        """Width of the window, in cells."""
        return -(-self.content_width // self.patch)

    @property
    def grid(self) -> int:
        """Side of the square, in cells."""
        return self.size // self.patch

    @property
    def row_offset(self) -> int:
        """First row of the window in the square, in cells."""
        return (self.grid - self.rows) // 2

    @property
    def column_offset(self) -> int:
        """First column of the window in the square, in cells."""
        return (self.grid - self.columns) // 2

    @property
    def window_width(self) -> int:
        """Width of the window, in pixels."""
        return self.columns * self.patch

    @property
    def window_height(self) -> int:
        """Height of the window, in pixels."""
        return self.rows * self.patch

    @property
    def offset_x(self) -> int:
        """Left edge of the window in the square, in pixels."""
        return self.column_offset * self.patch

    @property
    def offset_y(self) -> int:
        """Top edge of the window in the square, in pixels."""
        return self.row_offset * self.patch

    def _scaled(self, length: int) -> int:
        """Scale a length by size / long side, rounding half up, in integers."""
        longest = max(self.source_width, self.source_height)
        return max(1, (2 * length * self.size + longest) // (2 * longest))
