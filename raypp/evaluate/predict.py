"""Studying a detector on an archive: each labelled frame once, with its matches, its boxes and where it comes from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Self

import torch

from raypp.detect.checkpoint import load_detector
from raypp.detect.inputs.batch import COLUMNS, batch_of_rows
from raypp.detect.inputs.labelled import labelled_rows
from raypp.evaluate.metrics import Matcher
from raypp.evaluate.request import Origin, StudiedSample, StudySettings
from raypp.shards.manifest import read_header
from raypp.shards.schema import ArchiveHeader
from raypp.shards.store import Store

STUDY_COLUMNS = (*COLUMNS, "site", "camera", "captured_at_us", "variant")
"""Columns of the shards that a study needs, besides `split` and `boxes` of the label version."""
STUDY_BATCH = 32
"""Frames that a detector is given at once. Always as many: a convolution's last bits depend on how many there are."""


@dataclass(frozen=True)
class Study:
    """Studies rows of an archive.

    Attributes:
        matcher: the detector.
        header: the archive's header.
        shown: samples whose codes are kept, to be drawn.
    """

    matcher: Matcher
    header: ArchiveHeader
    shown: frozenset[str]

    @classmethod
    def open(cls, settings: StudySettings) -> Self:
        """Load a detector, onto a GPU where there is one; raises ModelError if it is damaged."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        detector, about = load_detector(settings.detector)
        header = read_header(Store(settings.archive))
        return cls(Matcher(detector.to(device), about.size, device), header, settings.shown)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[StudiedSample]:
        """Study up to `STUDY_BATCH` rows with `STUDY_COLUMNS` and `boxes`; the result is the same in any company.

        Raises:
            ShardError: if a code does not fit its frame.
        """
        filled = [*rows, *[rows[-1]] * (STUDY_BATCH - len(rows))]
        columns = {name: [row[name] for row in filled] for name in (*COLUMNS, "boxes")}
        batch = batch_of_rows(columns, self.header)
        studied = []
        for index, (row, (matches, detections)) in enumerate(zip(rows, self.matcher.study(batch), strict=False)):
            origin = Origin(row["site"], row["camera"], row["captured_at_us"])
            codes = batch.inputs[index].numpy() if matches.sample_id in self.shown else None
            studied.append(StudiedSample(matches, detections, origin, codes))
        return studied


def with_codes(
    samples: Sequence[StudiedSample], settings: StudySettings, names: Collection[str]
) -> list[StudiedSample]:
    """Return studied samples, the named ones with their codes, read from the archive anew.

    Raises:
        ShardError: if a shard is damaged.
    """
    columns = (*COLUMNS, "variant")
    labelled = labelled_rows(settings.archive, settings.labels_version, settings.split, columns, settings.data_key_path)
    rows = [row for row in labelled if row["variant"] == 0 and row["sample_id"] in names]
    if not rows:
        return list(samples)
    batch = batch_of_rows({name: [row[name] for row in rows] for name in rows[0]}, read_header(Store(settings.archive)))
    codes = dict(zip(batch.sample_ids, batch.inputs.numpy(), strict=True))
    return [replace(one, codes_CGG=codes.get(one.matches.sample_id)) for one in samples]


def study_here(settings: StudySettings) -> Iterator[StudiedSample]:
    """Study every labelled frame of a split in this process.

    Raises:
        ShardError: if a shard is damaged.
        ModelError: if the detector is.
    """
    study = Study.open(settings)
    labelled = labelled_rows(
        settings.archive, settings.labels_version, settings.split, STUDY_COLUMNS, settings.data_key_path
    )
    rows = (row for row in labelled if row["variant"] == 0)
    while some := list(islice(rows, STUDY_BATCH)):
        yield from study(some)
