"""Which attacks are made on what, by budget."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from raypp.audit.attacks.identify.identity import BoxesAlone, BoxSubject, Recogniser
from raypp.audit.attacks.identify.matching import ActivityMatcher, LabelMatcher, PairsMatcher
from raypp.audit.attacks.identify.membership import Membership
from raypp.audit.attacks.identify.silhouettes import Silhouettes
from raypp.audit.attacks.reconstruct.bridge import Decoder, FeatureBridge
from raypp.audit.attacks.reconstruct.inversion import FeatureInversion
from raypp.audit.attacks.reconstruct.key_lost import KeyLost
from raypp.audit.attacks.reconstruct.many_keys import ManyKeys
from raypp.audit.attacks.reconstruct.perceptron import Perceptron
from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.attacks.reconstruct.statistics import StatisticalKeyRecovery
from raypp.audit.attacks.reconstruct.unet import UNet
from raypp.audit.attacks.reconstruct.view import ComponentView, ImageItself
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.budget import Budget
from raypp.audit.core.model import AnyAttack, Attack, AttackTarget, Need
from raypp.audit.suite.repeated_views import OTHERS, WEAK, seen_often
from raypp.audit.targets import baselines
from raypp.audit.targets.homeomorphic import is_map, map_name
from raypp.audit.targets.target import VEIL, unfolded_veil
from raypp.media.obfuscation import Blackout, Blur, Obscuring, Pixelation, PrivatePixelation

_CONTROL_SEED = 1
_LONG = 1000
"""Steps from which a network has learnt what there is to learn of a linear veil."""
PIXELATED_8, PIXELATED_16 = (Pixelation(side=side).title for side in (8, 16))
LINEAR_4, LINEAR_8, NOISE = "linear mix, patch 4", "linear mix, patch 8", "noise"
OPEN_FEATURES = "public features, 32 channels of 4 bits"
"""Made with public weights, where an attack needs them."""
UNFOLDED = "patch veil, whole band, 192 channels of 4 bits, least fold"
NOISE_UNDER_KEY = "noise in the place of this veil's codes"
"""Made of the audited veil."""
PLAIN = "plain images"
BY_HEART = "a detector that learnt few images by heart"
"""On codes of the audited veil; made of the detector, where an attack needs it."""


class Figure(StrEnum):
    """A figure of a row that a control asks for."""

    PSNR = "psnr_db"
    DETAIL = "detail"
    TOP1 = "top1"
    AUC = "auc"


@dataclass(frozen=True)
class Requirement:
    """A weak target that an attack must open: its name, and the least that is asked, of each figure."""

    on: str
    least: tuple[tuple[Figure, float], ...]


@dataclass(frozen=True)
class Planned:
    """An attack, and what it is made on.

    Attributes:
        attack: of any kind.
        requirement: its control; None for labels alone, which are no attack.
        on: names of what is attacked, that of the requirement among them.
        needs: what it cannot be made without, besides footage.
        over_keys: whether it is made on the audited spec under keys of other owners, too.
    """

    attack: AnyAttack
    requirement: Requirement | None
    on: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    over_keys: bool = False


@dataclass(frozen=True)
class Looking:
    """Images that recognisers look at.

    Attributes:
        probes: copies of victims into which words are planted.
        own_words: whether words that stand on the victims are looked for, too.
        everywhere: whether on whatever is attacked; else on the audited veil alone.
    """

    probes: int
    own_words: bool
    everywhere: bool


_LOOKING = {
    Budget.QUICK: Looking(probes=2, own_words=False, everywhere=False),  # it takes its time
    Budget.STANDARD: Looking(probes=8, own_words=True, everywhere=True),
    Budget.FULL: Looking(probes=16, own_words=True, everywhere=True),
}


@dataclass(frozen=True)
class Suite:
    """The attacks and images of a budget.

    Attributes:
        known, victims: images.
        tried: images of either split, at most, of which is asked whether the detector learnt from them.
        looking: what recognisers look at.
        other_keys: how many keys of other owners the veil is tried under besides.
        planned: the attacks.
    """

    known: int
    victims: int
    tried: int
    looking: Looking
    other_keys: int
    planned: tuple[Planned, ...]

    def planned_as(self, attack: AttackId) -> Planned:
        """Return the plan of an attack."""
        return next(planned for planned in self.planned if planned.attack.id == attack)

    def looks(self, target: str, planned: Planned) -> bool:
        """Whether recognisers look at what an attack makes of something."""
        return isinstance(planned.attack, Attack) and (target == VEIL or self.looking.everywhere)

    def others(self, target: str, planned: Planned) -> range:
        """Numbers of the other owners under whose keys an attack is made, too."""
        return range(self.other_keys if planned.over_keys and target == VEIL else 0)

    def pairs(self) -> list[tuple[str, Planned]]:
        """Return names of targets, each with an attack; the audited veil first."""
        mapped = sorted({name for planned in self.planned for name in planned.on if is_map(name)})
        targets = [VEIL, *BASELINES, *mapped, *WEAK, *CONTROLS, OPEN_FEATURES, BY_HEART, NOISE_UNDER_KEY]
        return [(target, planned) for target in targets for planned in self.planned if target in planned.on]


_IN_USE: tuple[Obscuring, ...] = (
    *(Pixelation(side=side) for side in (8, 16, 32)),
    Blur(sigma=8.0),
    Blackout(),
    PrivatePixelation(side=16, epsilon=1.0, seed=_CONTROL_SEED),
)
"""Ways to hide that are in use. A comparison trains detectors on the same, and meets these by title."""
_IMAGES = tuple(obfuscation.title for obfuscation in _IN_USE)
"""Targets that are still images, by name."""
BASELINES: dict[str, Callable[[], AttackTarget]] = {
    LINEAR_4: lambda: replace(
        baselines.linear_mix(4, _CONTROL_SEED), random_key=lambda number: baselines.linear_mix(4, number + 2)
    ),
    LINEAR_8: lambda: baselines.linear_mix(8, _CONTROL_SEED),
    NOISE: lambda: _noise(_CONTROL_SEED),
    **{obfuscation.title: partial(baselines.obscured, obfuscation) for obfuscation in _IN_USE},
}
"""Baselines beside the veil, by name."""
CONTROLS: dict[str, Callable[[], AttackTarget]] = {
    UNFOLDED: lambda: unfolded_veil(_CONTROL_SEED),
    PLAIN: baselines.plain,
}
"""Controls that are open to one kind of attack, by name; made for that alone."""


def suite(budget: Budget, learned: bool = False, layers: int | None = None) -> Suite:
    """Return the attacks of a budget.

    Args:
        budget: how much they may take.
        layers: of a smooth keyed map of the encoder's values, which is attacked besides; None for none.
        learned: whether the audited veil is: an attacker can draw keys of the patch veil by itself, but encoders only
            as public weights let him. Nor is there another owner's key: each fit is a veil of its own.
    """
    everything: tuple[str, ...] = (VEIL, *BASELINES)
    by_networks: tuple[str, ...] = (VEIL, NOISE, LINEAR_8)
    with_keys: tuple[str, ...] = (VEIL, NOISE, LINEAR_4)
    needs = (Need.MODEL, Need.WEIGHTS) if learned else ()
    match budget:
        case Budget.QUICK:
            known, victims, everything = 24, 16, (VEIL, NOISE, LINEAR_4, LINEAR_8, PIXELATED_16)
            by_networks, with_keys = (VEIL, LINEAR_8), (VEIL, LINEAR_4)  # they take their time
            ridges = [Ridge(count, 40_000) for count in (1, 6)]
            networks, bridges, any_key = [UNet(known, 300)], _bridges(300), ManyKeys(24, 300)
        case Budget.STANDARD:
            known, victims = 100, 60
            ridges = [Ridge(count, 150_000) for count in (1, 6, 10, 100)]
            networks, bridges = [UNet(count, 2000) for count in (10, 100)], _bridges(2000)
            any_key = ManyKeys(60, 2000)
        case Budget.FULL:
            known, victims = 1000, 200
            ridges = [Ridge(count, 600_000) for count in (1, 6, 10, 100, 1000)]
            networks, bridges = [UNet(count, 20_000) for count in (10, 100, 1000)], _bridges(20_000)
            any_key = ManyKeys(200, 20_000)
    if layers is not None:
        everything, by_networks = (*everything, map_name(layers)), (*by_networks, map_name(layers))
    other_keys = 0 if learned else 4 if budget is Budget.QUICK else 9
    tried = {Budget.QUICK: 100, Budget.STANDARD: 200, Budget.FULL: 400}[budget]
    perceptrons = {Budget.QUICK: (), Budget.STANDARD: (10, 100), Budget.FULL: (10, 100, 1000)}[budget]
    steps = 20_000 if budget is Budget.FULL else 2500
    matchers = [PairsMatcher(ridge.pairs, ridge.cells) for ridge in ridges if ridge.pairs >= 10]
    return Suite(
        known,
        victims,
        tried,
        _LOOKING[budget],
        other_keys,
        (
            Planned(
                ImageItself(),
                Requirement(PLAIN, ((Figure.DETAIL, 0.99),)),
                (*(target for target in _IMAGES if target in everything), PLAIN),
            ),
            Planned(ComponentView(), Requirement(LINEAR_4, ((Figure.DETAIL, 0.5),)), everything, over_keys=True),
            Planned(
                StatisticalKeyRecovery(), Requirement(LINEAR_4, ((Figure.DETAIL, 0.6),)), everything, over_keys=True
            ),
            Planned(any_key, Requirement(LINEAR_4, ((Figure.DETAIL, 0.5),)), with_keys, needs, over_keys=True),
            *(Planned(ridge, _requirement_of(ridge), everything) for ridge in ridges),
            *(
                Planned(network, _requirement_of(network), everything)
                for network in (Perceptron(count, steps) for count in perceptrons)
            ),
            *(Planned(network, _requirement_of(network), by_networks) for network in networks),
            *bridges,
            *_by_detector(budget),
            *_by_key(budget),
            *_by_people(budget),
            *_by_views(budget, any_key, ridges[1], networks[-1], needs),
            Planned(ActivityMatcher(), Requirement(LINEAR_8, ((Figure.TOP1, 0.8),)), everything, over_keys=True),
            *(
                Planned(matcher, Requirement(LINEAR_8, ((Figure.TOP1, 0.8),)), (VEIL, NOISE, LINEAR_8))
                for matcher in matchers
            ),
            Planned(LabelMatcher(), None, everything),
        ),
    )


def _noise(seed: int) -> AttackTarget:
    """Noise whose every key has others."""
    return replace(
        baselines.noise(8, 16, 8, seed),
        random_key=lambda number: _noise(number + 2),
        other_owner_key=lambda number: _noise(seed + OTHERS * number),
    )


def _requirement_of(attack: Ridge | Perceptron | UNet) -> Requirement:
    """The control of an attack from pairs: one pair opens a linear veil less well than many do, few steps likewise."""
    detail, psnr_db = (0.9, 24.0) if attack.pairs >= 6 else (0.7, 16.0)
    if isinstance(attack, UNet):
        detail, psnr_db = (0.85, 24.0) if attack.steps >= _LONG else (0.75, 20.0)
    return Requirement(LINEAR_8, ((Figure.DETAIL, detail), (Figure.PSNR, psnr_db)))


def _by_detector(budget: Budget) -> list[Planned]:
    """Plan the attacks by the trained detector; on noise, membership tells what labels alone tell. They are slow."""
    if budget is Budget.QUICK:
        return []
    return [
        Planned(
            FeatureInversion(300 if budget is Budget.FULL else 100),
            Requirement(OPEN_FEATURES, ((Figure.DETAIL, 0.5),)),
            (VEIL, OPEN_FEATURES),
            (Need.MODEL, Need.WEIGHTS),
        ),
        *(
            Planned(
                Membership(calibrated),
                Requirement(BY_HEART, ((Figure.AUC, 0.8),)),
                (VEIL, NOISE, BY_HEART),
                (Need.MODEL, Need.MEMBERS),
            )
            for calibrated in (False, True)
        ),
    ]


def _by_key(budget: Budget) -> list[Planned]:
    """Plan the attack with a compromised key, which is slow."""
    if budget is Budget.QUICK:
        return []
    attack = KeyLost(20_000, 200) if budget is Budget.FULL else KeyLost(2000, 60)
    return [Planned(attack, Requirement(UNFOLDED, ((Figure.DETAIL, 0.8),)), (VEIL, UNFOLDED, NOISE_UNDER_KEY))]


def _by_people(budget: Budget) -> list[Planned]:
    """Plan the recognisers that learn from codes of people in videos, and boxes alone beside them. They are slow."""
    if budget is Budget.QUICK:
        return []
    steps = 2000 if budget is Budget.FULL else 300
    needs = {BoxSubject.FACES: Need.RECOGNISERS, BoxSubject.BODIES: Need.WEIGHTS}
    return [
        attack
        for reading, finder in needs.items()
        for attack in (
            Planned(
                Recogniser(reading, steps),
                Requirement(PLAIN, ((Figure.AUC, 0.75),)),
                (VEIL, NOISE, PIXELATED_8, PLAIN),
                (Need.PEOPLE, finder),
            ),
            Planned(BoxesAlone(reading), None, (VEIL,), (Need.PEOPLE, finder)),
        )
    ]


def _by_views(budget: Budget, any_key: ManyKeys, ridge: Ridge, network: UNet, needs: tuple[Need, ...]) -> list[Planned]:
    """Plan the attacks by many frames of a scene, several keys of an image, pairs of another key, and whole videos."""
    if budget is Budget.QUICK:
        return []
    frames, keys = ((16,), (4,)) if budget is Budget.STANDARD else ((16, 64), (2, 4))
    silhouettes = Requirement(LINEAR_8, ((Figure.AUC, 0.85),))
    return [
        *(
            Planned(
                attack.attack,
                Requirement(attack.weak, ((Figure.DETAIL, attack.detail),)),
                (VEIL, NOISE, attack.weak),
                needs if attack.drawing else (),
            )
            for attack in seen_often(any_key, ridge, network, frames, keys)
        ),
        Planned(Silhouettes(), silhouettes, (VEIL, NOISE, LINEAR_8), (Need.VIDEOS,)),
    ]


def _bridges(steps: int) -> list[Planned]:
    """The feature bridge by each decoder, as it is and aligned."""
    least = {Decoder.LINEAR: 0.45, Decoder.NETWORK: 0.55}
    return [
        Planned(
            FeatureBridge(decoder, aligned, steps),
            Requirement(OPEN_FEATURES, ((Figure.DETAIL, least[decoder]),)),
            (VEIL, OPEN_FEATURES),
            (Need.MODEL, Need.WEIGHTS),
        )
        for decoder, aligned in ((Decoder.LINEAR, False), (Decoder.LINEAR, True), (Decoder.NETWORK, True))
    ]
