"""Matching: which plain image belongs to which codes, without key."""

from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.reconstruct.pairs import FromPairs
from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Codes, Frames, Ranks
from raypp.audit.verdict.gates import LABELS_ONLY
from raypp.geometry.boxes import Box

Floats: TypeAlias = npt.NDArray[np.float64]

_GRID = 32
"""Places across an image in the maps of boxes."""
_VALUES = 4
"""Values across a patch that are compared: what is finer, few veils keep."""
_STILL = 0.5
"""Contrast below which a patch counts as flat."""
_NOTHING = 1e-9
_LITTLE = 0.1
"""Share that is added to variances, so that few pairs are not believed too much."""
_LEAST = 3
"""Images from which on what all have in common can be told from what one has."""


@dataclass(frozen=True)
class ActivityMatcher:
    """Compares where codes change from cell to cell, and where they are unusual, with where an image does.

    Whatever the key, like patches have like codes, so steps between the codes of neighbours follow steps between their
    patches; and how far a cell is from its channels' commonest codes goes with its contrast: up where most cells are
    flat, down where most hold a camera's noise. Which, and how much it counts, is told by how well it agrees with the
    steps over all pairs of codes and images. Both are Spearman's rank correlations (1904) over cells, after what all
    images have in common is taken away.

    The candidates are the plain victims themselves, in no order: who is whose is all that is asked.
    """

    id: ClassVar[AttackId] = AttackId(family="activity of cells")
    adversary: ClassVar[Adversary] = Adversary.CIPHERTEXT_ONLY
    knowledge: ClassVar[str] = "the victims' shards, and the plain victims without order"

    def ranks(self, case: Case) -> Ranks:
        """Return for each victim the rank of its own image among all candidates, 0 the first: int64[N]."""
        return own_ranks(_by_activity(case, _patches(case.victims.frames, case.target.patch)))


@dataclass(frozen=True)
class PairsMatcher(FromPairs):
    """Compares activity, and what a ridge decoder from known pairs makes of the codes with what an image shows.

    The latter is compared inside cells. How much either counts is learnt from the known pairs, by what tells their own
    images from one another's best: Fisher's linear discriminant (1936). The candidates are as of `ActivityMatcher`.

    Attributes:
        cells: of all cells of the known images, how many the decoder learns from, at most.
    """

    cells: int = 40_000
    method: ClassVar[str] = f"{ActivityMatcher.id.family} and ridge"

    def ranks(self, case: Case) -> Ranks:
        """Return for each victim the rank of its own image among all candidates, 0 the first: int64[N]."""
        known = self.known(case)
        reconstructed = Ridge(self.pairs, self.cells).reconstruct(replace(case, victims=known.and_also(case.victims)))
        weights = _discriminant(_likenesses(replace(case, victims=known), reconstructed[: len(known)]))
        return own_ranks(np.tensordot(weights, _likenesses(case, reconstructed[len(known) :]), axes=1))


@dataclass(frozen=True)
class LabelMatcher:
    """Compares labels alone: how much of the same places boxes of the same class cover.

    The reference for every other matcher: labels are published beside codes, and tell images apart by themselves.
    """

    id: ClassVar[AttackId] = AttackId(family=LABELS_ONLY)
    adversary: ClassVar[Adversary] = Adversary.CIPHERTEXT_ONLY
    knowledge: ClassVar[str] = "labels of the veiled images, and labels of the plain ones without order"

    def ranks(self, case: Case) -> Ranks:
        """Return for each victim the rank of its own image among all candidates, 0 the first: int64[N]."""
        classes = sorted({name for boxes in case.victims.boxes for name, _ in boxes})
        maps = np.stack([_occupancy(boxes, classes) for boxes in case.victims.boxes])
        return own_ranks(-np.stack([np.abs(maps - own_map).sum(axis=1) for own_map in maps]))


def _likenesses(case: Case, reconstructed: Frames) -> Floats:
    """By activity, and by detail inside cells: float64[2, N, N], each in deviations from what all share."""
    reconstructed_patches, shown = (
        _patches(frames, case.target.patch) for frames in (reconstructed, case.victims.frames)
    )
    by_detail = _likeness(reconstructed_patches.reshape(len(reconstructed_patches), -1), shown.reshape(len(shown), -1))
    away = np.stack([_centred(likeness) for likeness in (_by_activity(case, shown), by_detail)])
    spread: Floats = away.std(axis=(1, 2), keepdims=True)
    return away / np.maximum(spread, _NOTHING)


def _discriminant(likenesses: Floats) -> Floats:
    """Weights float64[K] that tell the diagonals of float64[K, N, N] best from the rest; of too few, all alike."""
    if likenesses.shape[1] < _LEAST:
        return np.ones(len(likenesses))
    own = np.eye(likenesses.shape[1], dtype=np.bool_)
    mine, others = likenesses[:, own], likenesses[:, ~own]
    pooled = (np.cov(mine) * mine.shape[1] + np.cov(others) * others.shape[1]) / likenesses[0].size
    weights: Floats = np.linalg.solve(pooled + _LITTLE * np.eye(len(pooled)), mine.mean(axis=1) - others.mean(axis=1))
    return weights


def _by_activity(case: Case, patches: Floats) -> Floats:
    """How alike codes and images are by where they change and where they are unusual, float64[N, N].

    Args:
        case: with the victims' codes.
        patches: of the victims themselves, from `_patches`.
    """
    codes = case.target.encode(case.victims)
    cameras = np.array(case.victims.cameras)
    unusual = np.zeros((len(codes), codes.shape[2] * codes.shape[3]))
    for camera in dict.fromkeys(case.victims.cameras):
        unusual[cameras == camera] = _unusual(codes[cameras == camera])
    contrast = np.linalg.norm(patches, axis=3).reshape(len(patches), -1)
    by_step = _likeness(_code_steps(codes), _patch_steps(patches))
    by_contrast = _likeness(unusual, contrast)
    likeness: Floats = by_step + _agreement(by_step, by_contrast) * by_contrast
    return likeness


def own_ranks(likeness: Floats) -> Ranks:
    """Rank of the diagonal in each row of float64[N, N], the highest first; a tie counts as its middle, rounded up."""
    own = np.diag(likeness)[:, None]
    better = (likeness > own).sum(axis=1)
    tied = (likeness == own).sum(axis=1) - 1
    ranks: Ranks = (better + (tied + 1) // 2).astype(np.int64)
    return ranks


def _unusual(codes: Codes) -> Floats:
    """How far codes of one camera are from its channels' commonest ones, float64[N, h*w]."""
    away = np.abs(codes.astype(np.int16) - _commonest(codes)[None, :, None, None])
    unusual: Floats = away.mean(axis=1).reshape(len(codes), -1)
    return unusual


def _code_steps(codes: Codes) -> Floats:
    """Mean difference between codes of cells that touch, across and then down, float64[N, pairs]."""
    values = codes.astype(np.int16)
    steps = [np.abs(np.diff(values, axis=axis)).mean(axis=1).reshape(len(codes), -1) for axis in (3, 2)]
    return np.concatenate(steps, axis=1)


def _patch_steps(patches: Floats) -> Floats:
    """Difference between patches that touch, against the root of their contrast, float64[N, pairs].

    A step of the same size matters less between patches of strong contrast, in eyes as in veils that take a root.
    """
    norms = np.linalg.norm(patches, axis=3)
    steps = []
    for axis in (2, 1):
        before, after = [slice(None)] * 3, [slice(None)] * 3
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        size = np.linalg.norm(np.diff(patches, axis=axis), axis=3)
        rooted = np.sqrt(norms[tuple(before)] + norms[tuple(after)] + _STILL)
        steps.append((size / rooted).reshape(len(patches), -1))
    return np.concatenate(steps, axis=1)


def _patches(frames: Frames, patch: int) -> Floats:
    """Luma of cells without its mean, at most 4x4 values each, float64[N, h, w, values]."""
    count, height, width, _ = frames.shape
    side = min(_VALUES, patch)
    weights = np.array((0.299, 0.587, 0.114), dtype=np.float32)
    luma = np.stack([frame.astype(np.float32) @ weights for frame in frames])
    cut = luma.reshape(count, height // patch, side, patch // side, width // patch, side, patch // side)
    values = cut.mean(axis=(3, 6), dtype=np.float64).transpose(0, 1, 3, 2, 4)
    flat = values.reshape(count, height // patch, width // patch, side * side)
    centred: Floats = flat - flat.mean(axis=3, keepdims=True)
    return centred


def _commonest(codes: Codes) -> npt.NDArray[np.int16]:
    """The commonest code of every channel, int16[C]."""
    channels = codes.transpose(1, 0, 2, 3).reshape(codes.shape[1], -1)
    return np.array([np.bincount(channel, minlength=256).argmax() for channel in channels], dtype=np.int16)


def _likeness(some: Floats, others: Floats) -> Floats:
    """Rank correlation of each of some with each of the others, float64[N, N]."""
    likeness: Floats = _special(some) @ _special(others).T
    return likeness


def _special(values: Floats) -> Floats:
    """Ranks along each row, less what all rows have there, of length 1: their products are correlations."""
    ranks = ranked(values)
    ranks -= ranks.mean(axis=1, keepdims=True)
    if len(ranks) >= _LEAST:
        ranks -= ranks.mean(axis=0)
    special: Floats = ranks / np.maximum(np.linalg.norm(ranks, axis=1, keepdims=True), _NOTHING)
    return special


def _agreement(some: Floats, others: Floats) -> float:
    """Correlation of two likenesses, after what rows and columns have in common is taken away."""
    first, other = (_centred(part).ravel() for part in (some, others))
    return float(first @ other) / max(float(np.linalg.norm(first) * np.linalg.norm(other)), _NOTHING)


def _centred(likeness: Floats) -> Floats:
    centred: Floats = likeness - likeness.mean(axis=0) - likeness.mean(axis=1, keepdims=True) + likeness.mean()
    return centred


def ranked(values: Floats) -> Floats:
    """Ranks within each row, of ties their mean, float64[N, M]."""
    out = np.empty(values.shape, dtype=np.float64)
    for row, ranks in zip(values, out, strict=True):
        _, inverse, counts = np.unique(row, return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        ranks[:] = (ends - (counts + 1) / 2)[inverse]
    return out


def _occupancy(boxes: tuple[tuple[str, Box], ...], classes: list[str]) -> Floats:
    """Share of each place that boxes of each class cover, flat float64; several boxes of a class add up."""
    maps = np.zeros((len(classes), _GRID, _GRID))
    for name, box in boxes:
        maps[classes.index(name)] += np.outer(_covered(box.y, box.h), _covered(box.x, box.w))
    return maps.reshape(-1)


def _covered(centre: float, extent: float) -> Floats:
    """Share of each step along one axis that lies within an interval, float64[_GRID]."""
    edges = np.clip(np.arange(_GRID + 1) / _GRID, centre - extent / 2, centre + extent / 2)
    covered: Floats = np.diff(edges) * _GRID
    return covered
