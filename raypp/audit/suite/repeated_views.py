"""Attacks by somebody who sees the same more than once: what they are made on, and the least that is asked of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from raypp.audit.attacks.reconstruct.bursts import Merge, OverFrames
from raypp.audit.attacks.reconstruct.many_keys import ManyKeys
from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.attacks.reconstruct.several import Alignment, OtherKey, UnderKeys
from raypp.audit.attacks.reconstruct.statistics import StatisticalKeyRecovery
from raypp.audit.attacks.reconstruct.unet import UNet
from raypp.audit.attacks.reconstruct.view import ComponentView
from raypp.audit.core.model import Attack, AttackTarget
from raypp.audit.targets import baselines

ONE_BIT = "linear mix, patch 4, one dithered bit"
NARROW, TURNED = "linear mix, patch 8, 16 channels", "linear mix, patch 4, a key for each site"
RENAMED, SHARED = "linear mix, patch 8, 16 channels of 3 bits, renamed", "linear mix, patch 8, one key for all sites"

_SEED, OTHERS = 1, 5000
"""Of the owner's key, and how far his others' are from those that are drawn."""


@dataclass(frozen=True)
class Seen:
    """An attack by somebody who sees the same more than once.

    Attributes:
        attack: on many frames or under several keys.
        weak: name of what it must open, of `WEAK`.
        detail: leakage of detail that it must reach there.
        drawing: whether keys are drawn for it.
    """

    attack: Attack
    weak: str
    detail: float
    drawing: bool = False


def _one_bit(seed: int = _SEED) -> AttackTarget:
    target = baselines.dithered(baselines.linear_mix(4, seed), 1, seed)
    return replace(target, random_key=lambda number: _one_bit(number + 2))


def _narrow(seed: int = _SEED) -> AttackTarget:
    target = baselines.narrowed(baselines.linear_mix(8, seed), 16)
    return replace(
        target,
        random_key=lambda number: _narrow(number + 2),
        other_owner_key=lambda number: _narrow(seed + OTHERS * number),
    )


def _turned(seed: int = _SEED) -> AttackTarget:
    return replace(baselines.linear_mix(4, seed), other_owner_key=lambda number: _turned(seed + OTHERS * number))


def _renamed(seed: int = _SEED) -> AttackTarget:
    target = baselines.dithered(baselines.narrowed(baselines.linear_mix(8, _SEED), 16), 3, _SEED)
    return replace(baselines.renamed(target, seed), other_owner_key=lambda number: _renamed(seed + OTHERS * number))


def _shared() -> AttackTarget:
    return replace(baselines.linear_mix(8, _SEED), other_owner_key=lambda _: baselines.linear_mix(8, _SEED))


WEAK: dict[str, Callable[[], AttackTarget]] = {
    ONE_BIT: _one_bit,
    NARROW: _narrow,
    TURNED: _turned,
    RENAMED: _renamed,
    SHARED: _shared,
}
"""Weak targets that these attacks must open, though one frame under one key keeps more, by name."""


def seen_often(
    any_key: ManyKeys, ridge: Ridge, network: UNet, frames: Sequence[int], keys: Sequence[int]
) -> list[Seen]:
    """Return the attacks over bursts of so many frames, under so many keys, and from pairs of another key.

    What is asked of them lies above what the same attacks reach on the weak veil with one frame under one key, but for
    the decoder for any key over bursts, which gains nothing there.

    Args:
        any_key: the decoder for any key.
        ridge: an attack from pairs.
        network: another.
        frames: of a burst.
        keys: of an image.
    """
    bursts = [
        attack
        for count in frames
        for attack in (
            Seen(OverFrames(ComponentView(), count, Merge.MEAN), ONE_BIT, 0.68),
            Seen(OverFrames(StatisticalKeyRecovery(), count, Merge.MEAN), ONE_BIT, 0.43),
            Seen(OverFrames(any_key, count, Merge.VOTES), ONE_BIT, 0.35, drawing=True),
            Seen(OverFrames(ridge, count, Merge.VOTES), ONE_BIT, 0.78),
            Seen(OverFrames(network, count, Merge.VOTES), ONE_BIT, 0.7),
        )
    ]
    several = [
        attack
        for count in keys
        for attack in (
            Seen(UnderKeys(any_key, count), NARROW, 0.65, drawing=True),
            Seen(UnderKeys(ridge, count), NARROW, 0.84),
            Seen(UnderKeys(network, count), NARROW, 0.75),
        )
    ]
    weak = {
        Alignment.NONE: (SHARED, 0.9),
        Alignment.AXES: (TURNED, 0.6),
        Alignment.NAMES: (RENAMED, 0.3),
    }
    return [
        *bursts,
        *several,
        *(Seen(OtherKey(ridge, way), *keys_and_views) for way, keys_and_views in weak.items()),
        Seen(OtherKey(network, Alignment.NAMES), RENAMED, 0.3),
    ]
