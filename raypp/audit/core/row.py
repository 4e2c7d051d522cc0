"""The row of an attack: its figures, and the control that says whether they count."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Kind
from raypp.audit.core.recognised import Recognised


class Estimate(BaseModel):
    """A figure over images.

    Attributes:
        mean: over all images.
        low, high: 95 % interval of the mean: by bootstrap over images; of a share, Wilson's; of an area under a
            curve, Newcombe's.
        worst: mean over the 5 % of images (at least one) for which it is highest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float
    low: float
    high: float
    worst: float


class Demand(BaseModel):
    """One figure that a control must reach.

    Attributes:
        score: which figure.
        required, got: least figure, and the one that was reached.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: str
    required: float
    got: float

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.got >= self.required


class Control(BaseModel):
    """The same attack on something weak that it must open; if it does not, its row says nothing.

    Attributes:
        on: what it was tried on.
        demands: what it must reach there, all of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: str
    demands: tuple[Demand, ...] = Field(min_length=1)

    @property
    def passed(self) -> bool:
        """Whether the attack works."""
        return all(demand.met for demand in self.demands)


class ReconstructFigures(BaseModel):
    """Figures of a reconstruction where the owner holds another key of the same spec.

    Attributes:
        detail, edges, recognised: as in `ReconstructRow`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    detail: Estimate | None = None
    edges: Estimate | None = None
    recognised: Recognised | None = None


class MatchFigures(BaseModel):
    """Figures of a match where the owner holds another key of the same spec.

    Attributes:
        top1: as in `MatchRow`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top1: Estimate | None = None


class _Row(BaseModel):
    """Fields of rows of every kind.

    Attributes:
        target: what was attacked.
        is_veil: whether it is the audited veil; else a baseline or a control.
        attack, adversary, knowledge: who did what with what.
        images: number of victims.
        control: the positive control; None where none is defined.
        reason: why the attack was not made; empty if it was.
        seconds: time that it took.
        seed: what was left to chance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    is_veil: bool
    attack: AttackId
    adversary: Adversary
    knowledge: str
    images: int
    control: Control | None = None
    reason: str = ""
    seconds: float = Field(ge=0)
    seed: int = 0

    @property
    def evaluated(self) -> bool:
        """Whether the figures count: the control was passed."""
        return self.control is not None and self.control.passed


class ReconstructRow(_Row):
    """Row of an attack that reconstructs images.

    Attributes:
        detail, edges: leakage L of detail within cells and of edges: 0 the blind baseline, 1 the image itself.
        psnr_db, ssim: of the reconstructed images.
        blind_psnr_db: PSNR of the blind baseline.
        recognised: what recognisers find on the images; None if nobody was to look.
        image: file name of originals beside reconstructed ones within the audit's `images`; None if there is none.
        other_keys: what it reaches under keys that the audit drew in place of the owner's; empty where it drew none.
    """

    kind: Literal[Kind.RECONSTRUCT] = Kind.RECONSTRUCT
    detail: Estimate | None = None
    edges: Estimate | None = None
    psnr_db: Estimate | None = None
    ssim: Estimate | None = None
    blind_psnr_db: float | None = None
    recognised: Recognised | None = None
    image: str | None = None
    other_keys: tuple[ReconstructFigures, ...] = ()


class MatchRow(_Row):
    """Which victims an attack found.

    Attributes:
        top1: share of victims found among `candidates` at the first guess.
        candidates: images to choose among.
        other_keys: as in `ReconstructRow`.
    """

    kind: Literal[Kind.MATCH] = Kind.MATCH
    top1: Estimate | None = None
    candidates: int | None = None
    other_keys: tuple[MatchFigures, ...] = ()


class DecideRow(_Row):
    """Row of an attack that decides of single images or pairs.

    Attributes:
        auc: area under the receiver operating characteristic, 0.5 by chance; `worst` is the share of images of which
            it is not so that the surest 5 % of those of which it is stand above.
    """

    kind: Literal[Kind.DECIDE] = Kind.DECIDE
    auc: Estimate | None = None


TriedUnderKeys: TypeAlias = ReconstructRow | MatchRow
"""A row of an attack that may have been made under other owners' keys, too."""
AttackRow: TypeAlias = Annotated[ReconstructRow | MatchRow | DecideRow, Field(discriminator="kind")]
"""Row of one attack on one target: one JSON file, told apart by `kind`."""


def under_key(row: TriedUnderKeys, other: int) -> TriedUnderKeys:
    """Return a row with the figures of one of the other keys in place of the owner's."""
    figures = row.other_keys[other]
    values = {name: getattr(figures, name) for name in type(figures).model_fields}
    return row.model_copy(update={**values, "other_keys": ()})
