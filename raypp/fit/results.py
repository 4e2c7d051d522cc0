"""What a fit has come to, epoch by epoch: what a training tells, and what the adversaries gained."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from raypp.train.results import EpochResult


class FitEpoch(EpochResult):
    """One finished epoch; its scores are the detector's on the codes of the val split."""

    columns: ClassVar[Mapping[str, str]] = {
        **EpochResult.columns,
        "adversaries/detail": "detail",
        "adversaries/tone": "tone",
        "codes/bits": "bits",
    }

    detail: float = Field(description="correlation, inside cells, of what the best adversary rebuilt with the image")
    tone: float = Field(description="share of the variance of cells' colours that the best adversary explained")
    bits: float = Field(description="entropy of a code value, in bits")
