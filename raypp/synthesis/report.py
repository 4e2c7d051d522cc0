"""The report of a generator: what its frames are worth, and what generator and frames give away."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from raypp.synthesis.membership import membership_auc

LEAST_UTILITY, MOST_AUC = 0.70, 0.55
NEAREST_PERCENTILE = 5
CAUTION = (
    "A generator is a model of private data and stays inside. Synthetic frames are not anonymous: this report shows "
    "three attempts, and no proof."
)


class Utility(BaseModel):
    """Two detectors with the same schedule, one trained on real and one on synthetic frames, judged on real val frames.

    `share` is that of the real detector's mAP50 that the synthetic one reaches.
    """

    model_config = ConfigDict(frozen=True)

    weights: str | None = Field(description="what both started from; none for random weights")
    epochs: int
    real_frames: int
    synthetic_frames: int
    real_map50: float
    synthetic_map50: float
    real_map50_95: float
    synthetic_map50_95: float
    share: float
    least_share: float = LEAST_UTILITY
    passed: bool


class Nearness(BaseModel):
    """Hamming distance to the nearest learned frame, as a share of code values: of synthetic and of val frames."""

    model_config = ConfigDict(frozen=True)

    percentile: int = NEAREST_PERCENTILE
    synthetic: float = Field(description="that percentile of synthetic frames' distances")
    val: float = Field(description="that percentile of real val frames' distances")
    synthetic_median: float
    val_median: float
    synthetic_least: float
    val_least: float
    synthetic_frames: int
    val_frames: int
    passed: bool


class MembershipAttack(BaseModel):
    """An attacker who holds the generator, and says by its loss which frames it learned."""

    model_config = ConfigDict(frozen=True)

    auc: float = Field(description="chance that a learned frame has a lower loss than a val frame; 0.5 is a guess")
    most_auc: float = MOST_AUC
    learned_frames: int
    val_frames: int
    learned_loss: float = Field(description="mean, in nats a value")
    val_loss: float = Field(description="mean, in nats a value")
    passed: bool


class SynthesisReport(BaseModel):
    """Report of a generator and of an archive that it drew."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    dataset_version: str = Field(description="real frames and labels that the generator learned")
    generator: str = Field(description="SHA-256 of its weights")
    manifest: str = Field(description="digest of the archive's manifest")
    utility: Utility | None = Field(description="none where it was not evaluated")
    nearness: Nearness | None = Field(description="none where there are no val frames to compare with")
    membership: MembershipAttack | None = Field(description="none where there are no val frames to compare with")
    caution: str = CAUTION


def nearness_of(synthetic: npt.NDArray[np.float64], val: npt.NDArray[np.float64]) -> Nearness | None:
    """Sum up distances to the nearest learned frame; None if either are none."""
    if not len(synthetic) or not len(val):
        return None
    low, usual = np.percentile(synthetic, NEAREST_PERCENTILE), np.percentile(val, NEAREST_PERCENTILE)
    return Nearness(
        synthetic=float(low),
        val=float(usual),
        synthetic_median=float(np.median(synthetic)),
        val_median=float(np.median(val)),
        synthetic_least=float(synthetic.min()),
        val_least=float(val.min()),
        synthetic_frames=len(synthetic),
        val_frames=len(val),
        passed=bool(low >= usual),
    )


def membership_of(learned: Sequence[float], val: Sequence[float]) -> MembershipAttack | None:
    """Sum up losses of learned and of other frames; None if there are no others."""
    if not len(learned) or not len(val):
        return None
    auc = membership_auc(learned, val)
    return MembershipAttack(
        auc=auc,
        learned_frames=len(learned),
        val_frames=len(val),
        learned_loss=float(np.mean(learned)),
        val_loss=float(np.mean(val)),
        passed=auc <= MOST_AUC,
    )


def synthesis_lines(report: SynthesisReport) -> list[str]:
    """Return a report for people, as lines."""
    utility, nearness, membership = report.utility, report.nearness, report.membership
    lines = [f"generator     {report.generator[:16]}, of dataset {report.dataset_version}"]
    if utility:
        lines.append(
            f"utility       mAP50 {utility.synthetic_map50:.3f} from {utility.synthetic_frames} synthetic frames, "
            f"{utility.real_map50:.3f} from {utility.real_frames} real ones: {utility.share:.2f} of it, "
            f"{_met(passed=utility.passed)} {utility.least_share:.2f}"
        )
    else:
        lines.append("utility       not evaluated")
    if nearness:
        lines.append(
            f"nearest       {nearness.percentile}th percentile of differing values {nearness.synthetic:.3f}, of val "
            f"frames {nearness.val:.3f}: {'no nearer' if nearness.passed else 'nearer'}"
        )
    else:
        lines.append("nearest       not evaluated: no val frames")
    if membership:
        lines.append(
            f"membership    AUC {membership.auc:.3f} of {membership.learned_frames} learned against "
            f"{membership.val_frames} val frames, {_met(passed=membership.passed)} at most {membership.most_auc:.2f}"
        )
    else:
        lines.append("membership    not evaluated: no val frames")
    return [*lines, f"caution       {report.caution}"]


def report_page(report: SynthesisReport) -> str:
    """Return a report as Markdown."""
    rows = [line.split(maxsplit=1) for line in synthesis_lines(report)]
    table = "".join(f"| {name} | {words} |\n" for name, words in rows)
    return f"# Synthetic frames: what they are worth, and what they give away\n\n| | |\n| --- | --- |\n{table}"


def _met(*, passed: bool) -> str:
    return "meets" if passed else "misses"
