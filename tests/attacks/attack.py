"""One veil under all attacks: leave one film out, learn from pictures of the others, rebuild the one left out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.attacks import decoder, scores
from tests.attacks.settings import Setting

Frames = npt.NDArray[np.uint8]


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
    target = films[victim]
    others = [name for name in films if name != victim]
    known = np.concatenate([films[name] for name in others])
    blind = np.broadcast_to(_mean_patch(known, setting.patch, target.shape), target.shape)
    encode = setting.camera("camera")
    seen = encode(target)
    one = decoder.fit(encode(known[:1]), known[:1], setting.bits, setting.patch).decode(seen)
    six = decoder.fit(encode(known), known, setting.bits, setting.patch).decode(seen)
    own = np.concatenate([setting.camera(name)(films[name]) for name in others])
    honest = decoder.fit(own, known, setting.bits, setting.patch).decode(setting.camera(victim)(target))

    luma, contrast = scores.contrast(target, setting.patch)
    three = decoder.components(seen)
    channels = seen.transpose(0, 2, 3, 1).reshape(len(luma), -1).astype(np.float32)
    result = Result(
        view_luma=scores.explained(three.reshape(len(luma), -1), luma),
        view_contrast=scores.explained(three.reshape(len(luma), -1), contrast),
        channel_luma=max(scores.explained(channels[:, i : i + 1], luma) for i in range(channels.shape[1])),
        one=_leak(one, target, blind, setting.patch),
        six=_leak(six, target, blind, setting.patch),
        honest=_leak(honest, target, blind, setting.patch),
    )
    return result, Pictures(target, decoder.view(three, setting.patch), one, six)


def _leak(rebuilt: Frames, target: Frames, blind: Frames, patch: int) -> Leak:
    def above_blind(score: float, guess: float) -> float:
        return (score - guess) / (1 - guess)

    return Leak(
        gain_db=scores.psnr(rebuilt, target) - scores.psnr(blind, target),
        detail=above_blind(scores.detail(rebuilt, target, patch), scores.detail(blind, target, patch)),
        edges=above_blind(scores.edges(rebuilt, target, patch), scores.edges(blind, target, patch)),
        shape=above_blind(scores.detail(rebuilt, target, scores.COARSE), scores.detail(blind, target, scores.COARSE)),
    )


def _mean_patch(known: Frames, patch: int, shape: tuple[int, ...]) -> Frames:
    """The blind guess: the mean patch of the known pictures, everywhere."""
    count, height, width, _ = known.shape
    cut = known.reshape(count, height // patch, patch, width // patch, patch, 3)
    mean = np.round(cut.mean(axis=(0, 1, 3))).astype(np.uint8)
    return np.tile(mean, (shape[1] // patch, shape[2] // patch, 1))[None]


def _mean(leaks: list[Leak]) -> Leak:
    names = Leak.__dataclass_fields__
    return Leak(**{name: float(np.mean([getattr(leak, name) for leak in leaks])) for name in names})
