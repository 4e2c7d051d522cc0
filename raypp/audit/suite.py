"""Which attacks are made on what, by budget."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from raypp.audit import baselines
from raypp.audit.attacks.matching import ActivityMatcher, LabelMatcher
from raypp.audit.attacks.perceptron import Perceptron
from raypp.audit.attacks.ridge import Ridge
from raypp.audit.attacks.statistics import StatisticalKeyRecovery
from raypp.audit.attacks.view import ComponentView
from raypp.audit.model import Attack, Veiling
from raypp.audit.target import VEIL

_CONTROL_SEED = 1
LINEAR_4, LINEAR_8, NOISE = "linear mix, patch 4", "linear mix, patch 8", "noise"


class Budget(StrEnum):
    """How much an audit may take: about a minute, half an hour, or hours, on two cores."""

    QUICK = "quick"
    STANDARD = "standard"
    FULL = "full"


class Figure(StrEnum):
    """A figure of a row that a control asks for."""

    PSNR = "psnr_db"
    DETAIL = "detail"
    TOP1 = "top1"


@dataclass(frozen=True)
class Bar:
    """A weak veiling that an attack must open: its name, and the least that is asked, of each figure."""

    on: str
    least: tuple[tuple[Figure, float], ...]


@dataclass(frozen=True)
class Suite:
    """What a budget buys.

    Attributes:
        known, victims: pictures.
        attacks: with the control of each.
        matchers: likewise.
        veilings: names of what is attacked.
    """

    known: int
    victims: int
    attacks: tuple[tuple[Attack, Bar], ...]
    matchers: tuple[tuple[ActivityMatcher | LabelMatcher, Bar | None], ...]
    veilings: tuple[str, ...]


VEILINGS: dict[str, Callable[[], Veiling]] = {
    LINEAR_4: lambda: baselines.linear_mix(4, _CONTROL_SEED),
    LINEAR_8: lambda: baselines.linear_mix(8, _CONTROL_SEED),
    NOISE: lambda: baselines.noise(8, 16, 8, _CONTROL_SEED),
    "pixelation 8": lambda: baselines.pixelation(8),
    "pixelation 16": lambda: baselines.pixelation(16),
    "pixelation 32": lambda: baselines.pixelation(32),
    "blur, sigma 8": lambda: baselines.blur(8.0),
    "blackout of labelled objects": baselines.blackout,
    "private pixelation 16, epsilon 1": lambda: baselines.private_pixelation(16, 1.0, seed=_CONTROL_SEED),
}
"""All but the audited veil, by name."""


def suite(budget: Budget) -> Suite:
    """Return the attacks of a budget."""
    outside: tuple[tuple[Attack, Bar], ...] = (
        (ComponentView(), Bar(LINEAR_4, ((Figure.DETAIL, 0.5),))),
        (StatisticalKeyRecovery(), Bar(LINEAR_4, ((Figure.DETAIL, 0.6),))),
    )
    matchers: tuple[tuple[ActivityMatcher | LabelMatcher, Bar | None], ...] = (
        (ActivityMatcher(), Bar(LINEAR_8, ((Figure.TOP1, 0.8),))),
        (LabelMatcher(), None),
    )
    match budget:
        case Budget.QUICK:
            few = tuple(_from_pairs(Ridge(count, 40_000)) for count in (1, 6))
            return Suite(24, 16, (*outside, *few), matchers, (VEIL, NOISE, LINEAR_4, LINEAR_8, "pixelation 16"))
        case Budget.STANDARD:
            counts, cells, steps, victims = [1, 6, 10, 100], 150_000, 2500, 60
        case Budget.FULL:
            counts, cells, steps, victims = [1, 6, 10, 100, 1000], 600_000, 20_000, 200
    ridges = tuple(_from_pairs(Ridge(count, cells)) for count in counts)
    nets = tuple(_from_pairs(Perceptron(count, steps)) for count in counts if count >= 10)
    return Suite(counts[-1], victims, (*outside, *ridges, *nets), matchers, (VEIL, *VEILINGS))


def _from_pairs(attack: Ridge | Perceptron) -> tuple[Attack, Bar]:
    """Give an attack its control: one pair opens a linear veil less well than many do."""
    detail, psnr_db = (0.9, 24.0) if attack.pairs >= 6 else (0.7, 16.0)
    return attack, Bar(LINEAR_8, ((Figure.DETAIL, detail), (Figure.PSNR, psnr_db)))
