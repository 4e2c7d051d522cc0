"""One veil under all attacks: leave one film out, learn from pictures of the others, rebuild the one left out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.attacks.reconstruct.view import ComponentView
from raypp.audit.core import model
from raypp.audit.core.model import Case
from raypp.audit.metrics import scores
from raypp.audit.targets.target import blind_guess
from tests.attacks import views
from tests.attacks.settings import Setting

Frames = npt.NDArray[np.uint8]

_COARSE = 16
"""Side of the blocks on which patches of every size are compared."""
_CELLS = 12_000
"""Cells that a ridge learns from: many settings in little time."""


@dataclass(frozen=True)
class Leak:
    """What a reconstruction holds beyond a blind guess.

    Attributes:
        gain_db: PSNR above the blind guess's.
        detail: L of the correlation inside cells; 0 is blind, 1 is the plain picture.
        edges: L of the gradient's correlation inside cells.
        shape: L of the correlation inside 16x16 blocks, for comparing patch sizes.
    """

    gain_db: float
    detail: float
    edges: float
    shape: float


@dataclass(frozen=True)
class Result:
    """What the attacks made of one veil, averaged over the films left out.

    Attributes:
        view_luma, view_contrast: multiple correlation of the three principal components with the cells' mean luma
            and with their contrast; no pair is known.
        channel_luma: largest correlation of a single channel with the cells' mean luma.
        one, six: from one and from six known pictures, all of the same stream as the victim's.
        honest: from six known pictures, every film a camera of its own.
    """

    view_luma: float
    view_contrast: float
    channel_luma: float
    one: Leak
    six: Leak
    honest: Leak


@dataclass(frozen=True)
class Pictures:
    """What the attacker saw of one film: frames, the view, and the two reconstructions."""

    original: Frames
    view: Frames
    one: Frames
    six: Frames


def attack(setting: Setting, films: dict[str, Frames], victims: list[str]) -> tuple[Result, list[Pictures]]:
    """Attack one veil on each of the victims' films in turn."""
    cases = [_attack(setting, films, victim) for victim in victims]
    results = [result for result, _ in cases]
    views = {
        name: float(np.mean([getattr(result, name) for result in results]))
        for name in ("view_luma", "view_contrast", "channel_luma")
    }
    leaks = {name: _mean([getattr(result, name) for result in results]) for name in ("one", "six", "honest")}
    return Result(**views, **leaks), [pictures for _, pictures in cases]


def _attack(setting: Setting, films: dict[str, Frames], victim: str) -> tuple[Result, Pictures]:
    others = [name for name in films if name != victim]
    known, target = _pictures(films, others, "camera"), _pictures(films, [victim], "camera")
    blind = blind_guess(known, target, setting.patch)
    case = Case(setting.veiling, known, target)
    one, six = Ridge(1, _CELLS).rebuild(case), Ridge(len(known), _CELLS).rebuild(case)
    own = Case(setting.veiling, _pictures(films, others, None), _pictures(films, [victim], None))
    honest = Ridge(len(known), _CELLS).rebuild(own)

    seen, frames = setting.veiling.encode(target), target.frames
    luma, contrast = views.contrast(frames, setting.patch)
    three = views.components(seen)
    channels = seen.transpose(0, 2, 3, 1).reshape(len(luma), -1).astype(np.float32)
    result = Result(
        view_luma=views.explained(three, luma),
        view_contrast=views.explained(three, contrast),
        channel_luma=max(views.explained(channels[:, i : i + 1], luma) for i in range(channels.shape[1])),
        one=_leak(one, frames, blind, setting.patch),
        six=_leak(six, frames, blind, setting.patch),
        honest=_leak(honest, frames, blind, setting.patch),
    )
    return result, Pictures(frames, ComponentView().colours(case), one, six)


def _pictures(films: dict[str, Frames], names: list[str], camera: str | None) -> model.Pictures:
    """Frames of some films, all of one camera or, without one, each film of a camera of its own."""
    frames = np.concatenate([films[name] for name in names])
    cameras = tuple(camera or name for name in names for _ in films[name])
    return model.Pictures(frames, cameras, ((),) * len(frames))


def _leak(rebuilt: Frames, target: Frames, blind: Frames, patch: int) -> Leak:
    def leak(score: Callable[[Frames, Frames, int], scores.Floats], block: int) -> float:
        return float(np.nanmean(scores.leakage(score(rebuilt, target, block), score(blind, target, block))))

    return Leak(
        gain_db=float((scores.psnr(rebuilt, target) - scores.psnr(blind, target)).mean()),
        detail=leak(scores.detail, patch),
        edges=leak(scores.edges, patch),
        shape=leak(scores.detail, _COARSE),
    )


def _mean(leaks: list[Leak]) -> Leak:
    names = Leak.__dataclass_fields__
    return Leak(**{name: float(np.mean([getattr(leak, name) for leak in leaks])) for name in names})
