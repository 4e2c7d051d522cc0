"""Several keys: one image veiled under more than one, and pairs of one key used against codes of another."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from raypp.audit.attacks.axes import Axes
from raypp.audit.attacks.reconstruct.names import Names
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Attack, AttackTarget, Case, Codes, Frames, Images
from raypp.errors import OptionError

_AXES = 24
_FAR, _FINE = 6.0, 255
"""Deviations beyond which a component counts as so many, and the levels that they are spread over."""


class Alignment(StrEnum):
    """How codes of one key are made like those of another, by nothing but the statistics of both."""

    NONE = "as they are"
    AXES = "along common axes"
    """Both as components along `Axes`."""
    NAMES = "names by frequency"
    """Channels and values of one called by the `Names` of the other: undoes a keyed substitution."""


@dataclass(frozen=True)
class UnderKeys:
    """Another attack, made on codes of every image under several of the owner's keys, side by side.

    An image that is veiled again, under another sub-key or in another epoch, gives other equations about the same
    pixels. The attacker has all of them, and knows which codes belong together.

    Attributes:
        inner: the attack.
        keys: how many.
    """

    inner: Attack
    keys: int

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return self.inner.id.applied(keys=self.keys)

    @property
    def adversary(self) -> Adversary:
        """As of the attack."""
        return self.inner.adversary

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        return f"{self.inner.knowledge}; each veiled image under {self.keys} of the owner's sub-keys"

    def reconstruct(self, case: Case) -> Frames:
        """Make the attack on the channels of all keys; raises OptionError if there is no other key."""
        return self.inner.reconstruct(replace(case, target=under_keys(case.target, self.keys)))


@dataclass(frozen=True)
class OtherKey:
    """An attack from known pairs, whose pairs are of another of the owner's keys than the victims.

    Somebody at one site, who has its images plain and veiled, turns to the shards of another site.

    Attributes:
        inner: the attack.
        alignment: how the victims' codes are first made like those of the pairs.
    """

    inner: Attack
    alignment: Alignment

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return self.inner.id.applied(alignment=self.alignment.value)

    @property
    def adversary(self) -> Adversary:
        """As of the attack."""
        return self.inner.adversary

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        return f"{self.inner.knowledge}, but of another sub-key; shards of both"

    def reconstruct(self, case: Case) -> Frames:
        """Learn on one key, decode codes of another; raises OptionError if there is no other key."""
        own, levels = other_owner_key(case.target, 1), case.target.levels
        if self.alignment is Alignment.NONE:
            return self.inner.reconstruct(replace(case, target=_split(case, case.target, own)))
        codes, victims = own.encode(case.known), case.target.encode(case.victims)
        if self.alignment is Alignment.NAMES:
            names = Names.of(victims, codes, levels)
            theirs = replace(own, encode=lambda images: names.renamed(case.target.encode(images)))
            return self.inner.reconstruct(replace(case, target=_split(case, theirs, own)))
        reference = Axes.of(codes, levels, _AXES)
        turned = Axes.of(victims, levels, _AXES).turned_to(reference, victims)
        theirs, own = _along(case.target, turned), _along(own, reference)
        return self.inner.reconstruct(replace(case, target=_split(case, theirs, own)))


def other_owner_key(target: AttackTarget, number: int) -> AttackTarget:
    """Return the same under another of the owner's keys; raises OptionError if there is none."""
    if target.other_owner_key is None:
        raise OptionError(f"{target.name} has no other key")
    return target.other_owner_key(number)


def under_keys(target: AttackTarget, keys: int) -> AttackTarget:
    """Return a target whose codes are those under so many keys, one after the other."""
    each = [target, *(other_owner_key(target, number) for number in range(1, keys))]
    ways = [under_key.encode for under_key in each]
    random_key = target.random_key

    def encode(images: Images) -> Codes:
        codes = {way: way(images) for way in dict.fromkeys(ways)}  # a drawn encoder has no other key: one way for all
        return np.concatenate([codes[way] for way in ways], axis=1)

    return replace(
        target,
        channels=keys * target.channels,
        encode=encode,
        features=None,
        random_key=None if random_key is None else lambda number: under_keys(random_key(number), keys),
        other_owner_key=None,
    )


def _along(target: AttackTarget, axes: Axes) -> AttackTarget:
    """A target whose codes are components along axes, of 256 levels."""

    def encode(images: Images) -> Codes:
        components = axes.components(target.encode(images))
        codes: Codes = np.rint((np.clip(components / _FAR, -1, 1) + 1) * (_FINE / 2)).astype(np.uint8)
        return codes

    return replace(
        target,
        channels=axes.matrix.shape[1],
        levels=_FINE + 1,
        encode=encode,
        features=None,
        random_key=None,
        other_owner_key=None,
    )


def _split(case: Case, theirs: AttackTarget, own: AttackTarget) -> AttackTarget:
    """A target that veils the victims in one way, and everything else in another."""
    return replace(own, encode=lambda images: (theirs if images is case.victims else own).encode(images), features=None)
