"""Results of a fit, epoch by epoch: those of a training, and the gain of the adversaries."""

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

    detail: float = Field(
        description="correlation, inside cells, of the best adversary's reconstruction with the image"
    )
    tone: float = Field(description="share of the variance of cells' colours that the best adversary explained")
    bits: float = Field(description="entropy of a code value, in bits")
