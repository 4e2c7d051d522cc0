"""Units of an archive whose presence differential privacy hides, each with all its training frames."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from raypp.collective.privacy_options import PrivacyUnit
from raypp.detect.inputs.batch import COLUMNS, DetectionBatch, batch_of_rows
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.labelled import labelled_rows
from raypp.errors import OptionError
from raypp.key_sources.place import KeyPlace
from raypp.text.split_names import TRAIN
from raypp.train.local import columns_of

_PLACES = ("sample_id", "site", "camera", "source", "captured_at_us")


@dataclass(frozen=True)
class ArchiveUnits:
    """Units of an archive's training frames. Frames of a unit may lie apart in the archive; they count once.

    Attributes:
        dataset: the archive.
        unit: a file or a camera's day.
        data_key_path: data key of encrypted shards, or None.
    """

    dataset: VeiledDataset
    unit: PrivacyUnit
    data_key_path: KeyPlace | None

    def count(self, most: int) -> int:
        """Return how many units there are.

        Args:
            most: that there may be.

        Raises:
            OptionError: if there are more, or a frame has no time and days are the unit.
        """
        count = len({self._name(row) for row in self._rows(_PLACES)})
        if count > most:
            raise OptionError(
                f"archive {self.dataset.root} has {count} units ({self.unit}), and the plan's dp takes {most}; "
                "agree on more units, or train on a smaller archive"
            )
        return count

    def batches(self, size: int) -> Iterator[list[DetectionBatch]]:
        """Give the batches of each unit, in the order of their names.

        Args:
            size: frames of a batch, at most.
        """
        units: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in self._rows((*COLUMNS, *_PLACES[1:])):
            units.setdefault(self._name(row), []).append(row)
        for name in sorted(units):
            yield [batch_of_rows(columns, self.dataset.header) for columns in columns_of(units[name], size)]

    def _rows(self, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        return labelled_rows(self.dataset.root, self.dataset.labels_version, TRAIN, columns, self.data_key_path)

    def _name(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        if self.unit is PrivacyUnit.FILE:
            return (str(row["source"]),)
        if row["captured_at_us"] is None:
            raise OptionError(
                f"archive {self.dataset.root} has frames without a time of capture, so days cannot be told apart; "
                "agree on unit file or site"
            )
        day = datetime.fromtimestamp(row["captured_at_us"] / 1e6, UTC).date()
        return str(row["site"]), str(row["camera"]), day.isoformat()
