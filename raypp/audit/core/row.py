"""What came of an attack: one row, its figures, and the control that says whether they count."""

from pydantic import BaseModel, ConfigDict, Field

from raypp.audit.core.model import Adversary, Kind
from raypp.audit.recognition.figures import Recognised


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
        return all(one.met for one in self.demands)


class KeyFigures(BaseModel):
    """What the same attack reaches where the owner holds another key of the same spec.

    Attributes:
        detail, edges: of a reconstruction, as in `AttackRow`.
        top1: of a match, likewise.
        recognised: of a reconstruction, likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    detail: Estimate | None = None
    edges: Estimate | None = None
    top1: Estimate | None = None
    recognised: Recognised | None = None


class AttackRow(BaseModel):
    """What one attack made of one veil or baseline: one JSON file.

    Attributes:
        target: what was attacked.
        is_veil: whether it is the audited veil; else a baseline or a control.
        attack, adversary, knowledge: who did what with what.
        kind: reconstruct, match or decide; figures of another kind are None.
        images: number of victims.
        detail, edges: of a reconstruction: leakage L of detail within cells and of edges: 0 the blind baseline, 1
            the image itself.
        psnr_db, ssim: of the reconstructed images.
        blind_psnr_db: PSNR of the blind baseline.
        top1: of a match: share of victims found among `candidates` at the first guess.
        candidates: images to choose among.
        auc: of a decision: area under the receiver operating characteristic, 0.5 by chance; `worst` is the share of
            images of which it is not so that the surest 5 % of those of which it is stand above.
        recognised: of a reconstruction: what recognisers find on the images; None if nobody was to look.
        control: the positive control; None where none is defined.
        reason: why the attack was not made; empty if it was.
        seconds: time that it took.
        seed: what was left to chance.
        image: file name of originals beside reconstructed ones within the audit's `images`; None if there is none.
        other_keys: what it reaches under keys that the audit drew in place of the owner's; empty where it drew none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    is_veil: bool
    attack: str
    adversary: Adversary
    knowledge: str
    kind: Kind
    images: int
    detail: Estimate | None = None
    edges: Estimate | None = None
    psnr_db: Estimate | None = None
    ssim: Estimate | None = None
    blind_psnr_db: float | None = None
    top1: Estimate | None = None
    candidates: int | None = None
    auc: Estimate | None = None
    recognised: Recognised | None = None
    control: Control | None = None
    reason: str = ""
    seconds: float = Field(ge=0)
    seed: int = 0
    image: str | None = None
    other_keys: tuple[KeyFigures, ...] = ()

    def under(self, other: int) -> "AttackRow":
        """Return the row with the figures of one of the other keys in place of the owner's."""
        figures = self.other_keys[other]
        found = {name: getattr(figures, name) for name in KeyFigures.model_fields}
        return self.model_copy(update={**found, "other_keys": ()})

    @property
    def evaluated(self) -> bool:
        """Whether the figures count: the control was passed."""
        return self.control is not None and self.control.passed
