"""How much of an image a reconstructed one holds, image by image: 0 is the blind baseline, 1 the image itself.

Detail and edges are looked at inside cells alone, each cell's mean taken away: what a cell is like as a whole must be
visible to a detector, what is inside it need not be.
"""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import Frames
from raypp.audit.core.row import Estimate

Floats = npt.NDArray[np.float64]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""
TEXTURED = 6.0
"""Standard deviation of luma from which a block counts as textured."""
_WINDOW = 7
_REPLICATES = 1000
_WORST = 0.05
_HALVINGS = 40
_SURE = NormalDist().inv_cdf(0.975)


def psnr(reconstructed: Frames, frames: Frames) -> Floats:
    """Peak signal-to-noise ratio in dB, float64[N]."""
    error = np.square(reconstructed.astype(np.float64) - frames).mean(axis=(1, 2, 3))
    return np.asarray(10 * np.log10(255**2 / np.maximum(error, 1e-9)))


def ssim(reconstructed: Frames, frames: Frames) -> Floats:
    """Structural similarity of luma, float64[N] (Wang et al., IEEE TIP 2004; windows of 7x7, equal weights)."""
    x, y = _luma(reconstructed), _luma(frames)
    mean_x, mean_y = _windows(x), _windows(y)
    var_x, var_y = _windows(x * x) - mean_x**2, _windows(y * y) - mean_y**2
    together = _windows(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * together + c2)
    return np.asarray((top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean(axis=(1, 2)))


def detail(reconstructed: Frames, frames: Frames, block: int) -> Floats:
    """Mean correlation of luma inside textured blocks, float64[N]; NaN for an image without any."""
    mine, true = blocks(reconstructed, block), blocks(frames, block)
    return _correlation(mine.reshape(*mine.shape[:2], -1), true.reshape(*true.shape[:2], -1), true)


def edges(reconstructed: Frames, frames: Frames, block: int) -> Floats:
    """Mean correlation of the gradient's magnitude inside textured blocks, float64[N]; NaN as in `detail`."""
    mine, true = blocks(reconstructed, block), blocks(frames, block)
    return _correlation(_gradient(mine), _gradient(true), true)


def leakage(attack: Floats, blind: Floats) -> Floats:
    """L = (attack - blind) / (plain - blind) of scores of which the plain image has 1, float64[N]."""
    return (attack - blind) / np.maximum(1 - blind, 1e-9)


def estimate(values: Floats, seed: int = 0) -> Estimate | None:
    """Mean over images with its 95 % bootstrap interval, and the mean of the worst 5 %; None where all are NaN."""
    kept = values[~np.isnan(values)]
    if not len(kept):
        return None
    drawn = np.random.default_rng(seed).integers(0, len(kept), (_REPLICATES, len(kept)))
    low, high = np.percentile(kept[drawn].mean(axis=1), (2.5, 97.5))
    return Estimate(mean=float(kept.mean()), low=float(low), high=float(high), worst=_mean_of_worst(kept))


def share_estimate(is_right: npt.NDArray[np.bool_]) -> Estimate:
    """Share of images that were found, of bool[N] with at least one, with its 95 % interval.

    The interval is Wilson's (1927): where none or all are found, that of a bootstrap is of no width, which says more
    than any number of images can tell.
    """
    count, mean = len(is_right), float(is_right.mean())
    middle, spread = (
        mean + _SURE**2 / (2 * count),
        _SURE * math.sqrt(mean * (1 - mean) / count + (_SURE / count) ** 2 / 4),
    )
    low, high = ((middle + way * spread) / (1 + _SURE**2 / count) for way in (-1, 1))
    return Estimate(
        mean=mean, low=max(0.0, low), high=min(1.0, high), worst=_mean_of_worst(is_right.astype(np.float64))
    )


def auc(so: Floats, not_so: Floats) -> Estimate:
    """Area under the receiver operating characteristic with its 95 % interval; `worst` as in `AttackRow.auc`.

    The interval is Newcombe's (Confidence intervals for an effect size measure based on the Mann-Whitney statistic,
    part 2, Statistics in Medicine 2006, method 5), from the variance of Hanley and McNeil (1982) at the bound itself:
    like Wilson's of a share, it has a width where all are told apart, too.

    Args:
        so: how sure it is of images of which it is so, float64[M] with at least one; a tie counts half.
        not_so: likewise of images of which it is not, float64[N].
    """
    placed = _placed(so, not_so)
    area = float(placed.mean())
    low, high = _newcombe(area, len(so), len(not_so))
    return Estimate(mean=area, low=low, high=high, worst=_mean_of_worst(placed))


def auc_of_people(so: Floats, not_so: Floats, whose: npt.NDArray[np.int64], seed: int = 0) -> Estimate:
    """Area under the curve of telling pairs of one person from pairs of two, by person: mean of each person's own.

    The pairs of a person say much the same, so the 95 % interval is by bootstrap over people; and, since a bootstrap of
    few says more than any number of pairs can tell, nowhere within Newcombe's for as many images as there are people.

    Args:
        so: likeness of pairs of one person, float64[M].
        not_so: of that person and another, float64[M].
        whose: the person of each, int64[M].
        seed: of the bootstrap.
    """
    people = np.unique(whose)
    placed = [_placed(so[whose == person], not_so[whose == person]) for person in people]
    areas = np.array([areas_of_person.mean() for areas_of_person in placed])
    drawn = np.random.default_rng(seed).integers(0, len(areas), (_REPLICATES, len(areas)))
    low, high = np.percentile(areas[drawn].mean(axis=1), (2.5, 97.5))
    area = float(areas.mean())
    least, most = _newcombe(area, len(people), len(people))
    return Estimate(
        mean=area,
        low=min(float(low), least),
        high=max(float(high), most),
        worst=_mean_of_worst(np.concatenate(placed)),
    )


def blocks(frames: Frames, block: int) -> Floats:
    """Luma cut into blocks, float64[N, blocks, block, block]; what does not fill a block is left out."""
    luma = _luma(frames)
    rows, columns = luma.shape[1] // block, luma.shape[2] // block
    luma = luma[:, : rows * block, : columns * block]
    cut = luma.reshape(len(luma), rows, block, columns, block)
    return cut.transpose(0, 1, 3, 2, 4).reshape(len(luma), -1, block, block)


def _placed(so: Floats, not_so: Floats) -> Floats:
    """Share of the others that each one stands above, float64[M]; a tie counts half."""
    above = (np.searchsorted(np.sort(not_so), so, "left") + np.searchsorted(np.sort(not_so), so, "right")) / 2
    return np.asarray(above / len(not_so))


def _newcombe(area: float, so: int, not_so: int) -> tuple[float, float]:
    """95 % interval of an area under the curve of so many images."""
    half = (so + not_so) / 2 - 1

    def beyond(bound: float) -> bool:
        spread = 1 + half * ((1 - bound) / (2 - bound) + bound / (1 + bound))
        return abs(area - bound) > _SURE * math.sqrt(bound * (1 - bound) * spread / (so * not_so))

    return _edge(area, 0.0, beyond), _edge(area, 1.0, beyond)


def _edge(inside: float, end: float, beyond: Callable[[float], bool]) -> float:
    """Where, on the way from a value to an end, one first lies beyond; the end itself if none does before it."""
    near, far = inside, end
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (near, middle) if beyond(middle) else (middle, far)
    return (near + far) / 2


def _mean_of_worst(values: Floats) -> float:
    return float(np.sort(values)[-max(1, round(_WORST * len(values))) :].mean())


def _luma(frames: Frames) -> Floats:
    return np.asarray(frames.astype(np.float64) @ np.array(LUMA))


def _windows(values: Floats) -> Floats:
    """Means over all windows of an image, float64[N, H-6, W-6]."""
    sums = np.pad(values, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    k = _WINDOW
    return np.asarray((sums[:, k:, k:] - sums[:, :-k, k:] - sums[:, k:, :-k] + sums[:, :-k, :-k]) / k**2)


def _gradient(luma: Floats) -> Floats:
    across = np.diff(luma, axis=3)[:, :, :-1]
    down = np.diff(luma, axis=2)[:, :, :, :-1]
    return np.hypot(across, down).reshape(*luma.shape[:2], -1)


def _correlation(mine: Floats, true: Floats, luma: Floats) -> Floats:
    textured = luma.std(axis=(2, 3)) > TEXTURED
    mine = mine - mine.mean(axis=2, keepdims=True)
    true = true - true.mean(axis=2, keepdims=True)
    norms = np.sqrt(np.square(mine).sum(axis=2) * np.square(true).sum(axis=2))
    likeness = (mine * true).sum(axis=2) / np.maximum(norms, 1e-9)
    counts = textured.sum(axis=1)
    return np.where(counts > 0, (likeness * textured).sum(axis=1) / np.maximum(counts, 1), np.nan)
