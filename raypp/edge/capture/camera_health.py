"""Camera health: is the lens covered, the image frozen, the view another one than it was?

All is judged on small grey images of what the camera sees, and nothing of them is stored or sent. *Covered*: hardly a
tile of the image has any detail. *Frozen*: the same pixels, noise and all, for longer than any real scene gives.
*Moved*: the directions of edges, tile by tile, agree no more with a slowly adapted reference. That agreement is the
cosine between gradient fields, which a change of light leaves as it is, and which people who walk through the image
disturb only where they are.
"""

import io
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from raypp.usage.observation import Observation

_Floats = npt.NDArray[np.float32]

_SMALL_WIDTH = 160
_TILE = 10  # pixels of the small image
_EDGE = 2.0  # mean gradient of a tile with detail, in grey levels per pixel of the small image
_AGREES = 0.4
_LEAST_TILES = 12


class CameraHealthSettings(BaseModel):
    """How a camera is watched.

    Attributes:
        covered: report a covered lens.
        covered_share: share of the image without detail from which it counts as covered.
        frozen_after_s: report identical images after so many seconds; None never does.
        moved_after_s: report another view after so many seconds; None never does.
        moved_share: share of the reference's detailed tiles below which the view counts as another one.
        adapt_s: time in which the reference follows the scene, in seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    covered: bool = True
    covered_share: float = Field(0.97, gt=0, le=1)
    frozen_after_s: float | None = Field(10.0, gt=0)
    moved_after_s: float | None = Field(3.0, gt=0)
    moved_share: float = Field(0.2, gt=0, lt=1)
    adapt_s: float = Field(300.0, gt=0)


@dataclass
class _State:
    """Memory of earlier frames."""

    reference_x: _Floats | None = None
    reference_y: _Floats | None = None
    seen_s: float = 0.0
    last_us: int | None = None
    checksum: int = 0
    same_since_us: int = 0
    other_since_us: int | None = None


class CameraHealth:
    """Watches one camera, frame by frame; what it says depends on the frames and their times alone.

    Args:
        settings: what to report, and when.
        hidden: bool[H, W], True where privacy masks hide the image, or None.
        memory: what `memory` of an earlier watch of the same camera returned, or None.
    """

    def __init__(
        self, settings: CameraHealthSettings, hidden: npt.NDArray[np.bool_] | None = None, memory: bytes | None = None
    ) -> None:
        self._settings = settings
        self._hidden = hidden
        self._shown: _Floats | None = None
        self._state = _State() if memory is None else _recall(memory)

    def see(self, pixels: npt.NDArray[np.uint8], timestamp_us: int) -> Observation:
        """Judge the next frame.

        Args:
            pixels: uint8[H, W, 3], the frame's content without padding, masks painted; H and W as before.
            timestamp_us: when it was captured, microseconds.
        """
        state = self._state
        passed_s = 0.0 if state.last_us is None else min(max(0, timestamp_us - state.last_us) / 1e6, 5.0)
        state.last_us = timestamp_us
        grey = _small(pixels[..., 1].astype(np.float32))
        if self._shown is None:
            self._shown = self._visible(grey.shape, pixels.shape)
        visible = self._shown
        gradient_y, gradient_x = np.gradient(grey)
        gradient_x, gradient_y = gradient_x * visible, gradient_y * visible
        frozen = self._frozen(pixels, timestamp_us)
        if self._settings.covered and self._covered(gradient_x, gradient_y, visible):
            return Observation.COVERED
        if frozen:
            return Observation.FROZEN
        if self._settings.moved_after_s is not None and self._moved(gradient_x, gradient_y, timestamp_us, passed_s):
            return Observation.MOVED
        return Observation.OBSERVED

    def shift(self, by_us: int) -> None:
        """Move what is remembered by so much, after the clock was set: no time has passed."""
        state = self._state
        state.last_us = None if state.last_us is None else state.last_us + by_us
        state.other_since_us = None if state.other_since_us is None else state.other_since_us + by_us
        state.same_since_us += by_us

    def memory(self) -> bytes:
        """Return its memory, for another process to go on with; it is never stored."""
        state = self._state
        file = io.BytesIO()
        empty = np.zeros((0, 0), np.float32)
        np.savez(
            file,
            x=empty if state.reference_x is None else state.reference_x,
            y=empty if state.reference_y is None else state.reference_y,
            numbers=np.array([state.seen_s]),
            times=np.array(
                [
                    -1 if state.last_us is None else state.last_us,
                    state.checksum,
                    state.same_since_us,
                    -1 if state.other_since_us is None else state.other_since_us,
                ]
            ),
        )
        return file.getvalue()

    def _visible(self, small: tuple[int, ...], full: tuple[int, ...]) -> _Floats:
        """1 where the small image shows something, 0 where a mask or its border is."""
        if self._hidden is None:
            return np.ones(small, np.float32)
        hidden = _small(self._hidden[: full[0], : full[1]].astype(np.float32)) > 0
        grown = hidden.copy()
        for axis in (0, 1):
            for shift in (-2, -1, 1, 2):
                grown |= np.roll(hidden, shift, axis)
        return (~grown).astype(np.float32)

    def _covered(self, gradient_x: _Floats, gradient_y: _Floats, visible: _Floats) -> bool:
        detail = np.sqrt(_tiles(gradient_x**2 + gradient_y**2) / np.maximum(_tiles(visible), 1))
        shown = _tiles(visible) > 0.5 * _TILE * _TILE
        return bool(shown.any()) and float((detail[shown] < _EDGE).mean()) >= self._settings.covered_share

    def _frozen(self, pixels: npt.NDArray[np.uint8], timestamp_us: int) -> bool:
        state = self._state
        checksum = zlib.crc32(np.ascontiguousarray(pixels).data)
        if checksum != state.checksum:
            state.checksum, state.same_since_us = checksum, timestamp_us
        after_s = self._settings.frozen_after_s
        return after_s is not None and timestamp_us - state.same_since_us >= after_s * 1e6

    def _moved(self, gradient_x: _Floats, gradient_y: _Floats, timestamp_us: int, passed_s: float) -> bool:
        state, settings = self._state, self._settings
        if state.reference_x is None or state.reference_y is None or state.reference_x.shape != gradient_x.shape:
            state.reference_x, state.reference_y, state.seen_s = gradient_x.copy(), gradient_y.copy(), 0.0
            return False
        share = agreement(gradient_x, gradient_y, state.reference_x, state.reference_y)
        if share is None or share >= settings.moved_share:
            state.other_since_us = None
            state.seen_s = min(state.seen_s + passed_s, settings.adapt_s)
            weight = min(1.0, passed_s / max(state.seen_s, 1e-6))
            state.reference_x += weight * (gradient_x - state.reference_x)
            state.reference_y += weight * (gradient_y - state.reference_y)
            return False
        if state.other_since_us is None:
            state.other_since_us = timestamp_us
        assert settings.moved_after_s is not None  # noqa: S101 - asked by the caller
        return timestamp_us - state.other_since_us >= settings.moved_after_s * 1e6


def agreement(x: _Floats, y: _Floats, reference_x: _Floats, reference_y: _Floats) -> float | None:
    """Share of the reference's detailed tiles in which edges still run as they did, the lesser of both directions.

    Args:
        x: float32[h, w], the image's gradient to the right.
        y: float32[h, w], downwards.
        reference_x: the reference's to the right.
        reference_y: downwards.

    Returns:
        0 to 1; None where the reference has too little detail to tell.
    """
    shares = [_share(x, reference_x), _share(y, reference_y)]
    return min((share for share in shares if share is not None), default=None)


def _share(gradient: _Floats, reference: _Floats) -> float | None:
    """Agreement in one direction: a shift along parallel lines shows only in the edges that cross them."""
    held = _tiles(reference**2)
    detailed = np.sqrt(held / (_TILE * _TILE)) >= _EDGE
    if int(detailed.sum()) < _LEAST_TILES:
        return None
    cosine = _tiles(gradient * reference) / np.sqrt(np.maximum(_tiles(gradient**2) * held, 1e-9))
    return float((cosine[detailed] >= _AGREES).mean())


def _small(image: _Floats) -> _Floats:
    """Shrink float32[H, W] by a whole number to about 160 pixels of width, each the mean of a block."""
    factor = max(1, round(image.shape[1] / _SMALL_WIDTH))
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    small: _Floats = blocks.mean(axis=(1, 3), dtype=np.float32)
    return small


def _tiles(values: _Floats) -> _Floats:
    """Sum float32[h, w] over tiles; what does not fill a tile is left out."""
    tile = min(_TILE, *values.shape)
    rows, columns = values.shape[0] // tile, values.shape[1] // tile
    blocks = values[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile)
    sums: _Floats = blocks.sum(axis=(1, 3))
    return sums


def _recall(memory: bytes) -> _State:
    with np.load(io.BytesIO(memory), allow_pickle=False) as held:
        last_us, checksum, same_since_us, other_since_us = (int(value) for value in held["times"])
        some = held["x"].size > 0
        return _State(
            reference_x=held["x"] if some else None,
            reference_y=held["y"] if some else None,
            seen_s=float(held["numbers"][0]),
            last_us=None if last_us < 0 else last_us,
            checksum=checksum,
            same_since_us=same_since_us,
            other_since_us=None if other_since_us < 0 else other_since_us,
        )
