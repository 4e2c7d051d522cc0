"""Points of a frontier: arms of a comparison joined with audits of the same veil."""

from collections.abc import Sequence
from statistics import mean

from pydantic import BaseModel, ConfigDict, Field

from raypp.audit.core.model import Adversary
from raypp.audit.core.row import AttackRow, ReconstructRow
from raypp.audit.verdict.assumptions import CODED_BITS
from raypp.audit.verdict.certificate import Certificate
from raypp.compare.arm import ArmRow
from raypp.compare.arm_kind import ArmKind
from raypp.errors import ConflictError, OptionError
from raypp.frontier.fits import FinishedFit, check_fits

ADVERSARIES = (Adversary.CIPHERTEXT_ONLY, Adversary.INSIDER, Adversary.KNOWN_PLAINTEXT)
"""Whose attacks are shown."""


class Shown(BaseModel):
    """The most that an adversary's attacks got out of what is hidden: leakage L of detail inside cells."""

    model_config = ConfigDict(frozen=True)

    attack: str
    mean: float
    worst: float = Field(description="mean of the worst 5 % of images")

    @classmethod
    def of(cls, rows: Sequence[AttackRow], adversary: Adversary) -> "Shown | None":
        """Take the attack of an adversary that shows most, of rows on one target; None if none was evaluated."""
        leaks = [
            cls(attack=row.attack.name, mean=row.detail.mean, worst=row.detail.worst)
            for row in rows
            if isinstance(row, ReconstructRow) and row.adversary is adversary and row.evaluated and row.detail
        ]
        return max(leaks, key=lambda leak: leak.mean, default=None)


class FrontierPoint(BaseModel):
    """One veil, or another way to hide: what a detector on it is worth, and what it shows to whom."""

    model_config = ConfigDict(frozen=True)

    name: str
    veil_id: str | None = Field(description="None for another way to hide")
    seeds: int = Field(description="of the comparison; 0 for a fit that no detector was trained on")
    map50: float
    map50_95: float
    loss: float = Field(description="of mAP50 against plain images, as a share of it")
    bytes_per_frame: float
    coded_bits: float | None = Field(None, description="bits of a frame after an ideal coder with contexts")
    shown: dict[Adversary, Shown]
    budget: str = Field(description="of the audit; of several, if they differ, all")


class Frontier(BaseModel):
    """Result of `raypp frontier`: plain images, and what was compared and audited, best mAP50 first."""

    model_config = ConfigDict(frozen=True)

    plain_map50: float
    points: tuple[FrontierPoint, ...]
    left_out: tuple[str, ...] = Field(description="what was compared, and attacked by no audit")


def join_frontier(
    rows: Sequence[ArmRow], certificates: Sequence[Certificate], where: str, fits: Sequence[FinishedFit] = ()
) -> Frontier:
    """Join arms with audits of the same veil, and other ways to hide with what was attacked under the same title.

    An audit of a veil attacks other ways to hide, too. Of several audits, the attack that shows most counts; those at
    another size than the comparison's do not: squares of 16 pixels hide more of a smaller image.

    Args:
        rows: of one comparison.
        certificates: of audits.
        where: the comparison, for messages.
        fits: finished fits, each a point of its own: what its detector finds before anybody trains outside.

    Raises:
        OptionError: if plain images were not compared, or nothing was both compared and audited.
        ConflictError: if rows are of several schedules or datasets, which do not compare, or fits of other ones.
    """
    if len({(row.schedule, row.dataset) for row in rows}) > 1:
        raise ConflictError(f"{where} holds rows of several schedules or datasets; give a folder of one")
    references = [row for row in rows if row.arm.kind is ArmKind.PLAIN]
    if not references:
        raise OptionError(f"{where} has no row of plain images; run `raypp compare` with `arms` plain there")
    check_fits(fits, references[0])
    plain = mean(row.map50 for row in references)
    arms: dict[tuple[str, str], list[ArmRow]] = {}
    for row in rows:
        if row.hidden is not None:
            arms.setdefault((row.arm.name, _way(row)), []).append(row)
    joined = {(name, way): _point(name, of_it, certificates, plain) for (name, way), of_it in arms.items()}
    joined |= {(_name_of_fit(fit), fit.veil_id): _point_of_fit(fit, certificates, plain) for fit in fits}
    points = sorted((point for point in joined.values() if point is not None), key=lambda point: -point.map50)
    if not points:
        raise OptionError(f"no veil of {where} is that of an audit; audit it with the same key and spec")
    names = [point.name for point in points]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConflictError(f"arms of several veils are called {twice[0]}; give each a name of its own")
    left_out = tuple(name for (name, _), point in joined.items() if point is None)
    return Frontier(plain_map50=plain, points=tuple(points), left_out=left_out)


def _way(row: ArmRow) -> str:
    """Tell ways to hide apart: a veil_id, or the title of another way."""
    if row.arm.obscuring is not None:
        return row.arm.obscuring.title
    return row.veil.veil_id if row.veil else ""


def _attacks(row: ArmRow, audit: Certificate) -> list[AttackRow]:
    """Rows of an audit on an arm's way to hide."""
    if row.arm.obscuring is None:
        return [attack_row for attack_row in audit.rows if attack_row.is_veil] if audit.veil_id == _way(row) else []
    same_size = audit.size == row.schedule.size
    return [
        attack_row
        for attack_row in audit.rows
        if same_size and not attack_row.is_veil and attack_row.target == _way(row)
    ]


def _point(
    name: str, rows: Sequence[ArmRow], certificates: Sequence[Certificate], plain: float
) -> FrontierPoint | None:
    """Join the rows of one arm with audits; None if no audit attacked it."""
    first = rows[0]
    attacks = [attack for certificate in certificates for attack in _attacks(first, certificate)]
    if not attacks or first.hidden is None:
        return None
    map50 = mean(row.map50 for row in rows)
    return FrontierPoint(
        name=name,
        veil_id=first.veil.veil_id if first.veil else None,
        seeds=len(rows),
        map50=map50,
        map50_95=mean(row.map50_95 for row in rows),
        loss=1 - map50 / plain,
        bytes_per_frame=first.hidden.bytes_per_frame,
        coded_bits=_coded_bits(first.veil.veil_id if first.veil else None, certificates),
        shown=_shown(attacks),
        budget=", ".join(sorted({certificate.budget for certificate in certificates if _attacks(first, certificate)})),
    )


def _point_of_fit(fit: FinishedFit, certificates: Sequence[Certificate], plain: float) -> FrontierPoint | None:
    """Join a fit with audits of its veil; None if no audit attacked it."""
    audits = [certificate for certificate in certificates if certificate.veil_id == fit.veil_id]
    attacks = [row for certificate in audits for row in certificate.rows if row.is_veil]
    if not attacks:
        return None
    return FrontierPoint(
        name=_name_of_fit(fit),
        veil_id=fit.veil_id,
        seeds=0,
        map50=fit.card.map50,
        map50_95=fit.map50_95,
        loss=1 - fit.card.map50 / plain,
        bytes_per_frame=fit.card.frame_bytes,
        coded_bits=_coded_bits(fit.veil_id, certificates) or fit.card.coded_bits,
        shown=_shown(attacks),
        budget=", ".join(sorted({certificate.budget for certificate in audits})),
    )


def _name_of_fit(fit: FinishedFit) -> str:
    return f"{fit.name}, after its fit"


def _coded_bits(veil_id: str | None, certificates: Sequence[Certificate]) -> float | None:
    """The fewest bits of a frame that an audit of a veil found after an ideal coder; None where none says."""
    bits = [
        audit.bounds[CODED_BITS] for audit in certificates if audit.veil_id == veil_id and CODED_BITS in audit.bounds
    ]
    return min(bits, default=None)


def _shown(attacks: Sequence[AttackRow]) -> dict[Adversary, Shown]:
    leaks = {adversary: Shown.of(attacks, adversary) for adversary in ADVERSARIES}
    return {adversary: leak for adversary, leak in leaks.items() if leak is not None}
