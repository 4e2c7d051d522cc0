"""Profile: what one camera showed in one period, as histograms and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating]


class ProfileKind(StrEnum):
    """Kinds of profiles: of veiled frames, or of what a detector found."""

    CODES = "codes"
    DETECTIONS = "detections"


@dataclass(frozen=True, order=True)
class Subject:
    """A camera under one sub-key, or one detector: only profiles of the same subject can be compared.

    Attributes:
        site, camera: whose.
        kind: of its profiles.
        under: the sub-key's index for codes, the model_id for detections.
        rows, columns: of cells, for codes; 0 for detections.
    """

    site: str
    camera: str
    kind: ProfileKind
    under: str
    rows: int = 0
    columns: int = 0


@dataclass(frozen=True, eq=False)
class Profile:
    """Histograms of one subject in one period.

    Attributes:
        subject: whose.
        period: such as "2026-03-02".
        frames: frames that were counted.
        tables: float32[..., bins] by name; each row sums to 1, or to 0 where nothing was counted.
        counted: how many things each table counted; a row of few says little.
        classes: of a detector, by class_id.
    """

    subject: Subject
    period: str
    frames: int
    tables: Mapping[str, Floats]
    counted: Mapping[str, int]
    classes: tuple[str, ...] = ()


def shares(counts: npt.NDArray[np.generic]) -> Floats:
    """Return each row of counts [..., bins] as shares of its sum; a row of zeros stays."""
    numbers = counts.astype(np.float32)
    return np.asarray(numbers / np.maximum(numbers.sum(axis=-1, keepdims=True), 1))


def mean_tables(profiles: Sequence[Profile]) -> dict[str, Floats]:
    """Return the mean of each table over profiles of one subject: each period weighs the same.

    Rows that a period did not fill do not count.
    """
    means = {}
    for name in profiles[0].tables:
        stacked = np.stack([profile.tables[name] for profile in profiles])
        filled = (stacked.sum(axis=-1, keepdims=True) > 0).sum(axis=0)
        means[name] = np.asarray(stacked.sum(axis=0) / np.maximum(filled, 1))
    return means
