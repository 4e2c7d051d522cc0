"""Statistical key recovery: a linear veil opened from shards and other people's images, without any pair."""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.cells import evenly_chosen, images
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Codes, Frames
from raypp.audit.targets.baselines import space_to_depth

Floats: TypeAlias = npt.NDArray[np.float64]

_ROUNDING = 1 / 12  # variance that rounding to whole codes adds to every channel
_FLAT = 1e-9  # variance below which an axis holds nothing
_MOST_SWEEPS = 100
_TURNED = 48  # leading axes that may turn: later ones carry too little of an image to tell how
_TURNS = 200
_STEPS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
_LEADING = 12  # axes whose third moments are compared
_QUANTILES = np.linspace(0.02, 0.98, 25)
_DIRECTIONS = np.array(
    [direction for direction in product((-1, 0, 1), repeat=3) if direction > (0, 0, 0)], dtype=np.float64
)


@dataclass(frozen=True)
class StatisticalKeyRecovery:
    """Aligns statistics of codes with statistics of images that nobody veiled.

    A linear mix keeps the principal axes of patches, but for their order of variance, their scale and their signs
    (Jolliffe, Principal Component Analysis, 2002). Order and scale are taken from the attacker's own images. Signs,
    since images are smooth, are those for which neighbouring patches fit best where they touch: a quadratic form,
    lowered by coordinate descent from many starts. Axes of like variance mix with one another; they are turned until
    the covariances of neighbouring cells are those of the attacker's images (a Procrustes problem in each step:
    Schoenemann 1966), where that makes patches fit better. That leaves the sign of each of three colours, lightness
    among them: where in images they lie, their third moments and their quantiles decide. Codes of fewer channels
    than a patch has values are treated alike: their axes stand for the strongest ones.

    Each camera is attacked by itself, since its images share a sub-key. Only the sizes of plain victims are read.

    Attributes:
        restarts: starts of the search for signs.
    """

    restarts: int = 32
    id: ClassVar[AttackId] = AttackId(family="statistical key recovery")
    adversary: Adversary = Adversary.CIPHERTEXT_ONLY
    knowledge: str = "the victims' shards, and images of his own that were never veiled"

    def reconstruct(self, case: Case) -> Frames:
        """Return the victims as the attacker sees them, uint8[N, H, W, 3]."""
        codes = case.target.encode(case.victims)
        prior = _Cells.of(space_to_depth(evenly_chosen(case.known.frames), case.target.patch))
        cameras = np.array(case.victims.cameras)
        out = np.empty(case.victims.frames.shape, dtype=np.uint8)
        for camera in dict.fromkeys(case.victims.cameras):
            mine = cameras == camera
            seen = _Cells.of(evenly_chosen(codes[mine]), rounding=_ROUNDING)
            opened = _open(prior, seen, case.target.patch, np.random.default_rng(case.seed), self.restarts)
            for place in np.flatnonzero(mine):
                out[place] = images(opened(_last(codes[[place]])), (1, *out.shape[1:]), case.target.patch)[0]
        return out


@dataclass(frozen=True)
class _Cells:
    """Cells of some images by their principal axes, the strongest first.

    Attributes:
        mean: float64[D].
        axes: float64[D, K], orthonormal columns.
        variances: float64[K], without what rounding added.
        whitened: float64[N, h, w, K], components of variance 1.
        scale: float64[K], what a component is divided by to get there.
    """

    mean: Floats
    axes: Floats
    variances: Floats
    whitened: Floats
    scale: Floats

    @classmethod
    def of(cls, codes: Codes, rounding: float = 0.0) -> "_Cells":
        cells = _last(codes)
        flat = cells.reshape(-1, cells.shape[-1])
        mean = flat.mean(axis=0)
        values, vectors = np.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
        values, vectors = values[::-1], vectors[:, ::-1]
        scale = np.sqrt(np.maximum(values, _FLAT))
        whitened = (cells - mean) @ vectors / scale
        return cls(mean, vectors, np.maximum(values - rounding, 0), whitened, scale)

    def moment(self, count: int, down: int, right: int) -> Floats:
        """Covariance of cells with those so many cells down and right, float64[count, count]."""
        rows, columns = self.whitened.shape[1:3]
        if rows <= down or columns <= right:
            return np.zeros((count, count))
        here = self.whitened[:, : rows - down, : columns - right, :count].reshape(-1, count)
        there = self.whitened[:, down:, right:, :count].reshape(-1, count)
        covariance: Floats = here.T @ there / len(here)
        return covariance


@dataclass(frozen=True)
class _Seam:
    """Where cells touch in one direction.

    Attributes:
        near, far: float64[p*3, K], what components add to the pixels of a cell on this side and on that side.
        here, across: float64[K, K], covariances of components within a cell, and with those on that side.
    """

    near: Floats
    far: Floats
    here: Floats
    across: Floats

    def form(self) -> Floats:
        """The quadratic form whose value at a vector of signs is the squared step between cells, float64[K, K]."""
        crossed = (self.near.T @ self.far) * self.across
        form: Floats = (self.near.T @ self.near + self.far.T @ self.far) * self.here - crossed - crossed.T
        return form

    def step(self, turn: Floats) -> float:
        """Squared step between cells whose components are turned by an orthogonal matrix."""
        near, far = self.near @ turn, self.far @ turn
        own = np.sum((near @ self.here) * near) + np.sum((far @ self.here) * far)
        return float(own - 2 * np.sum((near @ self.across) * far))


@dataclass(frozen=True)
class _Opened:
    """An attempt to undo a veil: from codes of cells, float64[..., C], to their patches, float64[..., p*p*3]."""

    seen: _Cells
    loadings: Floats
    mean: Floats

    def __call__(self, cells: Floats) -> Floats:
        count = self.loadings.shape[1]
        components = (cells - self.seen.mean) @ self.seen.axes[:, :count] / self.seen.scale[:count]
        patches: Floats = components @ self.loadings.T + self.mean
        return patches


def _open(prior: _Cells, seen: _Cells, patch: int, chance: np.random.Generator, restarts: int) -> _Opened:
    count = min(len(prior.variances), len(seen.variances))
    # What rounding drowned comes out smaller, as Wiener has it; what is steady says nothing.
    certain = np.sqrt(seen.variances[:count]) / seen.scale[:count]
    loadings = prior.axes[:, :count] * np.sqrt(prior.variances[:count]) * certain
    seams = _seams(loadings, seen, patch)
    turn = np.diag(_signs(-seams[0].form() - seams[1].form(), chance, restarts))
    turned = _turned(turn, prior, seen)
    turn = min((turn, turned), key=lambda candidate: seams[0].step(candidate) + seams[1].step(candidate))
    return _coloured(loadings, turn, prior, seen)


def _seams(loadings: Floats, seen: _Cells, patch: int) -> tuple[_Seam, _Seam]:
    pixels = np.arange(patch * patch * 3).reshape(patch, patch, 3)
    sides = (((0, 1), pixels[:, -1], pixels[:, 0]), ((1, 0), pixels[-1], pixels[0]))
    count = loadings.shape[1]
    whole = seen.moment(count, 0, 0)
    right, below = (
        _Seam(loadings[near.ravel()], loadings[far.ravel()], whole, seen.moment(count, *step))
        for step, near, far in sides
    )
    return right, below


def _signs(form: Floats, chance: np.random.Generator, restarts: int) -> Floats:
    """Signs for which a quadratic form is high: coordinate ascent, the best of many starts."""
    form = form - np.diag(np.diag(form))
    best, highest = np.ones(len(form)), -np.inf
    for _ in range(restarts):
        signs = chance.choice([-1.0, 1.0], len(form))
        for _ in range(_MOST_SWEEPS):
            before = signs.copy()
            for place in range(len(form)):
                signs[place] = 1.0 if form[place] @ signs > 0 else -1.0
            if np.array_equal(before, signs):
                break
        value = float(signs @ form @ signs)
        if value > highest:
            best, highest = signs, value
    return best


def _turned(start: Floats, prior: _Cells, seen: _Cells) -> Floats:
    """Turn the leading axes until covariances of neighbouring cells are as in the attacker's images."""
    count = min(_TURNED, len(start))
    pairs = [(prior.moment(count, *step), seen.moment(count, *step)) for step in _STEPS]
    turn = start[:count, :count]
    for _ in range(_TURNS):
        pull = sum((own @ turn @ other.T + own.T @ turn @ other for own, other in pairs), turn)
        left, _, right = np.linalg.svd(pull)
        turn = left @ right
    whole = start.copy()
    whole[:count, :count] = turn
    return whole


def _coloured(loadings: Floats, turn: Floats, prior: _Cells, seen: _Cells) -> _Opened:
    """Choose the sign of each colour, which no seam shows, by what tells an image from its negative.

    A component belongs to the colour axis, of those of the attacker's images, along which it is strongest.
    """
    own = _colours(prior.whitened, prior.axes * prior.scale)
    _, axes = np.linalg.eigh(np.cov(own.reshape(-1, 3).T))
    own = own @ axes
    unit = np.maximum(own.std(axis=(0, 1, 2)), _FLAT)
    count = loadings.shape[1]
    shares = np.square(np.einsum("pck,ca->pak", loadings.reshape(-1, 3, count), axes)).sum(axis=0)
    components = seen.whitened[..., :count] @ turn.T
    tried = []
    for flips in product((1.0, -1.0), repeat=3):
        signs = np.array(flips)[shares.argmax(axis=0)]
        likeness = _alike(_colours(components, loadings * signs) @ axes / unit, own / unit)
        likeness += _cosine(_third(components * signs), _third(prior.whitened[..., :count]))
        tried.append((likeness, loadings * signs @ turn))
    return _Opened(seen, max(tried, key=lambda candidate: candidate[0])[1], prior.mean)


def _colours(components: Floats, loadings: Floats) -> Floats:
    """Mean colour of each cell, less the mean of all, float64[N, h, w, 3]."""
    colours: Floats = components @ loadings.reshape(-1, 3, loadings.shape[1]).mean(axis=0).T
    return colours


def _alike(some: Floats, others: Floats) -> float:
    """How alike colours of cells are: where in an image they are, their third moments, and their quantiles."""
    place, wanted = some.mean(axis=0), others.mean(axis=0)
    rows, columns = (np.arange(new) * old // new for new, old in zip(place.shape[:2], wanted.shape[:2], strict=True))
    place, wanted = (colours - colours.mean(axis=(0, 1)) for colours in (place, wanted[np.ix_(rows, columns)]))
    places = [_cosine(place[..., axis], wanted[..., axis]) for axis in range(3)]
    clouds = [colours.reshape(-1, 3) for colours in (some, others)]
    skews = [np.tanh(np.einsum("na,nb,nc->abc", cloud, cloud, cloud, optimize=True) / len(cloud)) for cloud in clouds]
    quantiles = [np.quantile(cloud @ _DIRECTIONS.T, _QUANTILES, axis=0) for cloud in clouds]
    return float(np.mean(places)) + _cosine(*skews) - float(np.abs(quantiles[0] - quantiles[1]).mean())


def _third(components: Floats) -> Floats:
    """Third moments E[a b**2] of the leading components, bounded so that no single one decides."""
    flat = components[..., :_LEADING].reshape(-1, min(_LEADING, components.shape[-1]))
    bounded: Floats = np.tanh(flat.T @ np.square(flat) / len(flat))
    return bounded


def _cosine(some: Floats, others: Floats) -> float:
    return float(np.sum(some * others)) / max(float(np.linalg.norm(some) * np.linalg.norm(others)), _FLAT)


def _last(codes: Codes) -> Floats:
    """Channels last, float64[N, h, w, C]."""
    return codes.transpose(0, 2, 3, 1).astype(np.float64)
