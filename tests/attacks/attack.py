"""One veil under all attacks: leave one video out, learn from images of the others, reconstruct the one left out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.attacks.reconstruct.view import ComponentView
from raypp.audit.core import model
from raypp.audit.core.model import Case
from raypp.audit.metrics import scores
from raypp.audit.metrics.blind_baseline import blind_baseline
from tests.attacks import views
from tests.attacks.settings import Setting

Frames = npt.NDArray[np.uint8]

_COARSE = 16
"""Side of the blocks on which patches of every size are compared."""
_CELLS = 12_000
"""Cells that a ridge learns from: many settings in little time."""


@dataclass(frozen=True)
class Leak:
    """Leakage of a reconstruction beyond the blind baseline.

    Attributes:
        gain_db: PSNR above the blind baseline's.
        detail: L of the correlation inside cells; 0 is blind, 1 is the plain image.
        edges: L of the gradient's correlation inside cells.
        shape: L of the correlation inside 16x16 blocks, for comparing patch sizes.
    """

    gain_db: float
    detail: float
    edges: float
    shape: float


@dataclass(frozen=True)
class Result:
    """Results of the attacks on one veil, averaged over the videos left out.

    Attributes:
        view_luma, view_contrast: multiple correlation of the three principal components with the cells' mean luma
            and with their contrast; no pair is known.
        channel_luma: largest correlation of a single channel with the cells' mean luma.
        by_one, six: from one and from six known images, all of the same stream as the victim's.
        honest: from six known images, every video a camera of its own.
    """

    view_luma: float
    view_contrast: float
    channel_luma: float
    by_one: Leak
    six: Leak
    honest: Leak


@dataclass(frozen=True)
class Images:
    """Images of one video, as the attacker saw it: frames, the view, and the two reconstructions."""

    original: Frames
    view: Frames
    by_one: Frames
    six: Frames


def attack(setting: Setting, videos: dict[str, Frames], victims: list[str]) -> tuple[Result, list[Images]]:
    """Attack one veil on each of the victims' videos in turn."""
    cases = [_attack(setting, videos, victim) for victim in victims]
    results = [result for result, _ in cases]
    views = {
        name: float(np.mean([getattr(result, name) for result in results]))
        for name in ("view_luma", "view_contrast", "channel_luma")
    }
    leaks = {name: _mean([getattr(result, name) for result in results]) for name in ("by_one", "six", "honest")}
    return Result(**views, **leaks), [images for _, images in cases]


def _attack(setting: Setting, videos: dict[str, Frames], victim: str) -> tuple[Result, Images]:
    others = [name for name in videos if name != victim]
    known, target = _images(videos, others, "camera"), _images(videos, [victim], "camera")
    blind = blind_baseline(known, target, setting.patch)
    case = Case(setting.target, known, target)
    by_one, six = Ridge(1, _CELLS).reconstruct(case), Ridge(len(known), _CELLS).reconstruct(case)
    own = Case(setting.target, _images(videos, others, None), _images(videos, [victim], None))
    honest = Ridge(len(known), _CELLS).reconstruct(own)

    seen, frames = setting.target.encode(target), target.frames
    luma, contrast = views.contrast(frames, setting.patch)
    three = views.components(seen)
    channels = seen.transpose(0, 2, 3, 1).reshape(len(luma), -1).astype(np.float32)
    result = Result(
        view_luma=views.explained(three, luma),
        view_contrast=views.explained(three, contrast),
        channel_luma=max(views.explained(channels[:, i : i + 1], luma) for i in range(channels.shape[1])),
        by_one=_leak(by_one, frames, blind, setting.patch),
        six=_leak(six, frames, blind, setting.patch),
        honest=_leak(honest, frames, blind, setting.patch),
    )
    return result, Images(frames, ComponentView().colours(case), by_one, six)


def _images(videos: dict[str, Frames], names: list[str], camera: str | None) -> model.Images:
    """Frames of some videos, all of one camera or, without one, each video of a camera of its own."""
    frames = np.concatenate([videos[name] for name in names])
    cameras = tuple(camera or name for name in names for _ in videos[name])
    return model.Images(frames, cameras, ((),) * len(frames))


def _leak(reconstructed: Frames, target: Frames, blind: Frames, patch: int) -> Leak:
    def leak(score: Callable[[Frames, Frames, int], scores.Floats], block: int) -> float:
        return float(np.nanmean(scores.leakage(score(reconstructed, target, block), score(blind, target, block))))

    return Leak(
        gain_db=float((scores.psnr(reconstructed, target) - scores.psnr(blind, target)).mean()),
        detail=leak(scores.detail, patch),
        edges=leak(scores.edges, patch),
        shape=leak(scores.detail, _COARSE),
    )


def _mean(leaks: list[Leak]) -> Leak:
    names = Leak.__dataclass_fields__
    return Leak(**{name: float(np.mean([getattr(leak, name) for leak in leaks])) for name in names})
