"""Derived tables of the patch veil: integers only, so that they are the same on every machine for ever."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.errors import SpecError
from raypp.veil.key import Secret, StreamSecrets
from raypp.veil.keystream import KeyStream
from raypp.veil.spec import EXACT_LIMIT, PatchSpec

IntArray = npt.NDArray[np.int32]

_QUARTER_WAVE = (1024, 1019, 1004, 980, 946, 903, 851, 792, 724, 650, 569, 483, 392, 297, 200, 100, 0)
"""1024 cos(k pi / 32) for k = 0..16: the cosine basis of every patch size up to 16, written out so that no
platform's cosine can change a weight."""

_LUMA = (1, 2, 1)
_CHROMA = ((-1, -1, 2), (2, -1, -1))
_COEFFICIENT = 8  # keyed coefficients of the basis functions lie in [-8, 8]
_NORM = 1 << 15  # every row of the first mix has about this sum of absolute weights
_TYPICAL_LOG2 = 8  # the square root of |projection| is about 2**8 for textured patches (measured on photographs)
DITHER_TILE = 32


@dataclass(frozen=True, repr=False, eq=False)
class PatchTables(Secret):
    """Keyed integers of one sub-key.

    Attributes:
        first: int32[C, p*p*3], zero-sum in each colour plane of each row.
        offset: int32[C, 1], where the first fold begins, in [0, 2*period).
        period: height T of the first triangle fold, a power of two.
        second: int32[C, C], entries -1, 0, 1; applied to the folded values, 0..period.
        centre: int32[C, 1], brings the mixed values into the range of the second fold.
        span: height R of the second triangle fold, a power of two; a quantisation step is R >> bits.
    """

    first: IntArray
    offset: IntArray
    period: int
    second: IntArray
    centre: IntArray
    span: int


def patch_tables(spec: PatchSpec, secrets: StreamSecrets) -> PatchTables:
    """Derive the tables of a stream's sub-key.

    Raises:
        SpecError: if a matrix product with them could leave the integers that float32 holds exactly.
    """
    stream = KeyStream(secrets.weights_seed)
    first = np.stack([_projection(spec, stream) for _ in range(spec.channels)])
    period = _period(spec)
    offset = stream.integers(0, 2 * period - 1, spec.channels)
    second = _second_mix(spec, stream)
    span = _span(spec)
    centre = span // 2 - second.sum(axis=1) * (period // 2)
    tables = PatchTables(
        first=first.astype(np.int32),
        offset=offset.astype(np.int32)[:, None],
        period=period,
        second=second.astype(np.int32),
        centre=centre.astype(np.int32)[:, None],
        span=span,
    )
    _check_exact(tables)
    return tables


def dither_tile(spec: PatchSpec, secrets: StreamSecrets) -> IntArray:
    """Derive a stream's dither: int32[C, 32, 32], repeated over the grid, centred on zero."""
    reach = (_span(spec) >> spec.bits) * spec.dither // 4
    drawn = KeyStream(secrets.dither_seed).integers(0, max(reach - 1, 0), spec.channels * DITHER_TILE**2)
    return (drawn - reach // 2).astype(np.int32).reshape(spec.channels, DITHER_TILE, DITHER_TILE)


def basis(patch: int) -> npt.NDArray[np.int64]:
    """Integer cosine basis of a patch: int64[p, p], row u is about 1024 cos((2i+1) u pi / 2p).

    Every row but the first sums to exactly zero, by symmetry.
    """
    steps = 32 // (2 * patch)  # in units of pi/32
    angles = (2 * np.arange(patch)[None, :] + 1) * np.arange(patch)[:, None] * steps % 64
    mirrored = np.where(angles > 32, 64 - angles, angles)
    wave = np.array(_QUARTER_WAVE)
    return np.where(mirrored <= 16, wave[np.minimum(mirrored, 16)], -wave[np.minimum(32 - mirrored, 16)])


def _projection(spec: PatchSpec, stream: KeyStream) -> npt.NDArray[np.int64]:
    """One row of the first mix: a keyed sum of basis functions, rare high frequencies lifted to equal weight."""
    waves = basis(spec.patch)
    total = np.zeros((spec.patch, spec.patch, 3), dtype=np.int64)
    colours = [(_LUMA, spec.band_high)] + [(colour, spec.chroma_high) for colour in _CHROMA]
    for colour, highest in colours:
        for u in range(spec.patch):
            for v in range(spec.patch):
                if spec.band_low <= u + v <= highest:
                    coefficient = int(stream.integers(-_COEFFICIENT, _COEFFICIENT, 1)[0])
                    surface = np.outer(waves[u], waves[v]) * (coefficient * (u + v))
                    total += surface[:, :, None] * np.array(colour)
    norm = max(int(np.abs(total).sum()), 1)
    scaled = np.sign(total) * ((np.abs(total) * _NORM + norm // 2) // norm)
    return _zero_sum(scaled).reshape(-1)


def _zero_sum(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Take back, one unit a pixel from the first on, what rounding added to each colour plane's sum."""
    planes = weights.reshape(-1, 3)
    for colour in range(3):
        excess = int(planes[:, colour].sum())
        planes[: abs(excess), colour] -= np.sign(excess)
    return weights


def _second_mix(spec: PatchSpec, stream: KeyStream) -> npt.NDArray[np.int64]:
    """A sparse keyed mix: every output adds or subtracts `mix` distinct folded values."""
    order = stream.permutation(spec.channels)
    shifts = stream.permutation(spec.channels)[: spec.mix]
    signs = stream.integers(0, 1, spec.channels * spec.mix).reshape(spec.channels, spec.mix) * 2 - 1
    matrix = np.zeros((spec.channels, spec.channels), dtype=np.int64)
    for output in range(spec.channels):
        for entry, shift in enumerate(shifts):
            matrix[output, order[(output + shift) % spec.channels]] = signs[output, entry]
    return matrix


def _period(spec: PatchSpec) -> int:
    return 1 << (_TYPICAL_LOG2 + 1 - spec.fold)


def _span(spec: PatchSpec) -> int:
    # Twice as high for every fourfold of the mixed values, since their spread grows with the square root.
    doublings = ((spec.mix - 1).bit_length() + 1) // 2
    return _period(spec) << doublings


def _check_exact(tables: PatchTables) -> None:
    for name, matrix, highest in (("first", tables.first, 255), ("second", tables.second, tables.period)):
        worst = int(np.abs(matrix.astype(np.int64)).sum(axis=1).max()) * highest
        if worst >= EXACT_LIMIT:
            raise SpecError(
                f"the {name} mix of this spec could reach {worst}, not exact in float32 (limit {EXACT_LIMIT}); "
                "choose a smaller patch, or fewer channels or mixed values"
            )
