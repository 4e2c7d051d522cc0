"""The patch veil: exact integer encoding of frames on numpy or on torch, byte for byte the same."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from raypp.errors import SpecError
from raypp.veil.packing import Codes
from raypp.veil.spec import PatchSpec, VeilSpec
from raypp.veil.tables import DITHER_TILE, PatchTables

Frames = npt.NDArray[np.uint8]

_CACHED_CELLS = 960


class PatchEncoder:
    """The patch veil of one stream on numpy, one frame at a time: any batching gives the same bytes."""

    def __init__(self, spec: PatchSpec, sub_key: int, tables: PatchTables, dither: npt.NDArray[np.int32]) -> None:
        self.spec = spec
        self.sub_key = sub_key
        self.tables = tables
        self.dither = dither
        self._first = tables.first.astype(np.float32)
        self._second = tables.second.astype(np.float32)
        self._added: dict[tuple[int, int], npt.NDArray[np.int32]] = {}

    def __repr__(self) -> str:
        return f"PatchEncoder(sub_key={self.sub_key})"

    def encode(self, frames: Frames) -> Codes:
        """Veil frames.

        Args:
            frames: uint8[N, H, W, 3], RGB; H and W multiples of the spec's patch.

        Returns:
            uint8[N, C, H/p, W/p], values in [0, 2**bits).

        Raises:
            SpecError: if the frames' shape or type does not fit.
        """
        return encode_each(frames, self.spec, self._encode_one)

    def added(self, grid: tuple[int, int]) -> npt.NDArray[np.int32]:
        """Return the offsets of the second fold: centre and dither over a grid of cells, int32[C, rows*columns]."""
        if grid not in self._added:
            rows, columns = grid
            repeats = (1, -(-rows // DITHER_TILE), -(-columns // DITHER_TILE))
            tiled = np.tile(self.dither, repeats)[:, :rows, :columns]
            self._added[grid] = tiled.reshape(self.spec.channels, -1) + self.tables.centre
        return self._added[grid]

    def _encode_one(self, frame: Frames, code: Codes) -> None:
        tables, out = self.tables, code.reshape(self.spec.channels, -1)
        projected = self._project(frame)
        # IEEE 754 rounds a square root correctly, so its integer part is the same everywhere.
        rooted = np.sqrt(np.abs(projected))
        value = np.copysign(rooted, projected, out=rooted).astype(np.int32)
        value += tables.offset
        _fold(value, tables.period)
        value = (self._second @ value.astype(np.float32)).astype(np.int32)
        value += self.added((code.shape[1], code.shape[2]))
        _fold(value, tables.span)
        # The fold reaches its height itself, one value past the last level.
        np.minimum(value, tables.span - 1, out=value)
        value >>= tables.span.bit_length() - 1 - self.spec.bits
        out[...] = value

    def _project(self, frame: Frames) -> npt.NDArray[np.float32]:
        """The first mix, float32[C, cells]. Patches on the left make the product several times faster here."""
        patch = self.spec.patch
        rows, columns = frame.shape[0] // patch, frame.shape[1] // patch
        out = np.empty((rows * columns, self.spec.channels), dtype=np.float32)
        # In parts that stay in the cache between cutting, converting and multiplying.
        step = max(1, _CACHED_CELLS // columns)
        for row in range(0, rows, step):
            part = to_patches(frame[row * patch : (row + step) * patch], patch)
            np.matmul(part, self._first.T, out=out[row * columns : row * columns + len(part)])
        return np.ascontiguousarray(out.T)


def to_patches(frame: Frames, patch: int) -> npt.NDArray[np.float32]:
    """Cut uint8[H, W, 3] into float32[H/p * W/p, p*p*3]; a patch is read row by row, RGB innermost."""
    rows, columns = frame.shape[0] // patch, frame.shape[1] // patch
    # Each row of a patch is gathered as one thing, and converted after that: the other way takes ten times as long.
    lines = np.ascontiguousarray(frame).reshape(rows * patch, -1).view(f"V{patch * 3}")
    blocks = np.ascontiguousarray(lines.reshape(rows, patch, columns).swapaxes(1, 2))
    return blocks.view(np.uint8).reshape(rows * columns, patch * patch * 3).astype(np.float32)


def encode_each(frames: Frames, spec: VeilSpec, encode_one: Callable[[Frames, Codes], None]) -> Codes:
    """Veil frames one by one.

    Args:
        frames: uint8[N, H, W, 3], RGB; H and W multiples of the spec's patch.
        spec: the veil's.
        encode_one: writes the code of a frame, uint8[H, W, 3], into uint8[C, H/p, W/p].

    Returns:
        uint8[N, C, H/p, W/p].

    Raises:
        SpecError: if the frames' shape or type does not fit.
    """
    check_frames(frames, spec.patch)
    rows, columns = frames.shape[1] // spec.patch, frames.shape[2] // spec.patch
    out = np.empty((len(frames), spec.channels, rows, columns), dtype=np.uint8)
    for frame, code in zip(frames, out, strict=True):
        encode_one(frame, code)
    return out


def check_frames(frames: Frames, patch: int) -> None:
    """Raise SpecError unless frames are uint8[N, H, W, 3] with H and W multiples of the patch."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise SpecError(f"frames are {frames.dtype}{list(frames.shape)}, must be uint8[N, H, W, 3] in RGB")
    if frames.shape[1] % patch or frames.shape[2] % patch:
        height, width = frames.shape[1:3]
        raise SpecError(f"a frame of {width}x{height} pixels is no multiple of the patch {patch}; letterbox it first")


def _fold(value: npt.NDArray[np.int32], height: int) -> None:
    """Triangle wave of period 2*height in place: 0..height and back, for any integer (two's complement mask)."""
    value &= 2 * height - 1
    value -= height
    np.abs(value, out=value)
