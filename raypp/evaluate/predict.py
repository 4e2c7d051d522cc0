"""Running a detector on an archive: each labelled frame once, with its matches, boxes and origin."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from raypp.detect.checkpoint import load_detector
from raypp.detect.inputs.batch import COLUMNS, batch_of_rows
from raypp.detect.inputs.labelled import LabelledReader, labelled_rows
from raypp.evaluate.metrics import DetectionMatcher
from raypp.evaluate.network import evaluated_network
from raypp.evaluate.request import FrameOrigin, PredictedSample, PredictSettings
from raypp.shards.manifest import read_archive_header
from raypp.shards.schema import ArchiveHeader
from raypp.shards.store import Store

PREDICT_COLUMNS = (*COLUMNS, "site", "camera", "captured_at_us", "variant")
"""Columns of the shards that a prediction needs, besides `split` and `boxes` of the label version."""
PREDICT_BATCH = 32
"""Frames that a detector is given at once. Always as many: a convolution's last bits depend on how many there are."""


@dataclass(frozen=True)
class Predictor:
    """Runs a detector on rows of an archive.

    Attributes:
        matcher: the detector.
        header: the archive's header.
        shown: samples whose codes are kept, to be drawn.
    """

    matcher: DetectionMatcher
    header: ArchiveHeader
    shown: frozenset[str]

    @classmethod
    def open(cls, settings: PredictSettings) -> Self:
        """Load a detector, onto a GPU where there is one; raises ModelError if it is damaged or lacks its engine."""
        detector, info = load_detector(settings.detector)
        network, device = evaluated_network(detector, info, settings.engine)
        header = read_archive_header(Store(settings.archive))
        return cls(DetectionMatcher(network, info.size, device), header, settings.shown)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[PredictedSample]:
        """Predict on up to `PREDICT_BATCH` rows with `PREDICT_COLUMNS` and `boxes`; each result stands alone.

        Raises:
            ShardError: if a code does not fit its frame.
        """
        filled = [*rows, *[rows[-1]] * (PREDICT_BATCH - len(rows))]
        columns = {name: [row[name] for row in filled] for name in (*COLUMNS, "boxes")}
        batch = batch_of_rows(columns, self.header)
        samples = []
        for index, (row, (matches, detections)) in enumerate(zip(rows, self.matcher.predict(batch), strict=False)):
            origin = FrameOrigin(row["site"], row["camera"], row["captured_at_us"])
            codes = batch.inputs[index].numpy() if matches.sample_id in self.shown else None
            samples.append(PredictedSample(matches, detections, origin, codes))
        return samples


def read_codes(settings: PredictSettings, names: Collection[str]) -> dict[str, npt.NDArray[np.uint8]]:
    """Read the codes of some samples from the archive anew, uint8[C + 1, G, G] as a detector is fed.

    Raises:
        ShardError: if a shard is damaged.
    """
    columns = (*COLUMNS, "variant")
    labelled = labelled_rows(settings.archive, settings.labels_version, settings.split, columns, settings.data_key_path)
    rows = [row for row in labelled if row["variant"] == 0 and row["sample_id"] in names]
    if not rows:
        return {}
    batch = batch_of_rows(
        {name: [row[name] for row in rows] for name in rows[0]}, read_archive_header(Store(settings.archive))
    )
    return dict(zip(batch.sample_ids, batch.inputs.numpy(), strict=True))


def predict_here(settings: PredictSettings) -> Iterator[PredictedSample]:
    """Predict on every labelled frame of a split in this process.

    Raises:
        ShardError: if a shard is damaged.
        ModelError: if the detector is.
    """
    yield from ShardPredictor(settings).predict()


class ShardPredictor:
    """Runs a detector on the labelled frames of a split, in all shards of an archive or in some.

    Args:
        settings: which frames, and which detector.

    Raises:
        ShardError: if the archive or its labels cannot be read.
        ModelError: if the detector cannot.
    """

    def __init__(self, settings: PredictSettings) -> None:
        self._predictor = Predictor.open(settings)
        self._labelled = LabelledReader(settings.archive, settings.labels_version, settings.data_key_path)
        self._split = settings.split

    def predict(self, shards: Iterable[str] | None = None) -> Iterator[PredictedSample]:
        """Predict on each frame once.

        Args:
            shards: relative paths; None for all.

        Raises:
            ShardError: if a shard is damaged.
        """
        labelled = self._labelled.rows(self._split, PREDICT_COLUMNS, shards)
        rows = (row for row in labelled if row["variant"] == 0)
        while some := list(islice(rows, PREDICT_BATCH)):
            yield from self._predictor(some)
