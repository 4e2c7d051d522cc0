"""The veiled side of a comparison: labelled frames of an archive, kept packed in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from raypp.compare.images import letterboxed, square_boxes
from raypp.compare.plain import PlainFrames
from raypp.detect.inputs.batch import COLUMNS, NO_CELL, DetectionBatch, batch_of_rows, labelled_batch
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.variants import VARIANT_COLUMNS, chosen_variants
from raypp.detect.latent_map import MappedEncoder
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ArchiveHeader
from raypp.veil.key import VeilKey
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import VeilSpec
from raypp.veil.veil import Veil

_READ_ROWS = 256
_COLUMNS = (*COLUMNS, *VARIANT_COLUMNS)

Encode = Callable[[int, npt.NDArray[np.uint8]], tuple[npt.NDArray[np.uint8], int]]
"""From an image's number and its window, uint8[H, W, 3], to codes uint8[C, rows, columns] and a sub-key."""


@dataclass(frozen=True)
class VeiledFrames:
    """Labelled frames of one split, as they lie in the shards.

    Attributes:
        header: header of the archive.
        rows: columns `COLUMNS`, `VARIANT_COLUMNS` and `boxes`, of one entry a row; codes stay packed.
    """

    header: ArchiveHeader
    rows: dict[str, list[Any]]

    @classmethod
    def read(cls, dataset: VeiledDataset, split: str, names: Mapping[str, str]) -> "VeiledFrames":
        """Read a split, sorted by the plain names that `names` gives its samples; ShardError if a shard is damaged."""
        rows: dict[str, list[Any]] = {name: [] for name in (*_COLUMNS, "boxes")}
        for frames, labels in ShardReader(dataset.root).labelled(dataset.labels_version, _COLUMNS, _READ_ROWS):
            for row, label in zip(frames.rows.to_pylist(), labels, strict=True):
                if label.split == split:
                    for name in _COLUMNS:
                        rows[name].append(row[name])
                    rows["boxes"].append([vars(box) for box in label.boxes])
        rows["sample_id"] = [
            names.get(sample_id, sample_id) for sample_id in rows["sample_id"]
        ]  # variants have no name of their own
        order = np.argsort(rows["sample_id"]).tolist()
        return cls(dataset.header, {name: [values[index] for index in order] for name, values in rows.items()})

    def __len__(self) -> int:
        return len(self.rows["sample_id"])

    def without_variants(self) -> "VeiledFrames":
        """Return only the frames themselves."""
        kept = [index for index, variant in enumerate(self.rows["variant"]) if not variant]
        return VeiledFrames(
            self.header, {name: [values[index] for index in kept] for name, values in self.rows.items()}
        )

    def of_epoch(self, seed: int, epoch: int) -> list[int]:
        """Numbers of the rows that an epoch trains on: of each frame, itself or one of its variants."""
        source, time, variant, variants = (self.rows[name] for name in VARIANT_COLUMNS)
        return np.flatnonzero(chosen_variants(source, time, variant, variants, seed, epoch)).tolist()

    def batch(self, indices: Sequence[int]) -> DetectionBatch:
        """Return some frames as a batch, uint8[N, C + 1, G, G]."""
        columns = {name: [values[index] for index in indices] for name, values in self.rows.items()}
        return batch_of_rows(columns, self.header)


@dataclass(frozen=True)
class WrongKeyFrames:
    """The same images veiled under another key: what a detector sees of an archive that is not its own."""

    plain: PlainFrames
    spec: VeilSpec
    key: VeilKey
    network: EncoderNetwork | None = None

    def __len__(self) -> int:
        return len(self.plain)

    def batch(self, indices: Sequence[int]) -> DetectionBatch:
        """Return some images as a batch of codes."""
        veil = Veil(self.spec, self.key, self.network)

        def codes(index: int, pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], int]:
            encoder = veil.stream("site", "camera", self.plain.images[index].name.encode())
            return encoder.encode(pixels[None])[0], encoder.sub_key

        return _encoded(self.plain, indices, self.spec, codes)


@dataclass(frozen=True)
class QuantisedFrames:
    """The same images without any veil, brought into the shape of codes by who has no key.

    Each cell's pixels are averaged in C groups and quantised to the codes' levels.
    """

    plain: PlainFrames
    spec: VeilSpec

    def __len__(self) -> int:
        return len(self.plain)

    def batch(self, indices: Sequence[int]) -> DetectionBatch:
        """Return some images as a batch of codes."""
        patch, channels = self.spec.patch, self.spec.channels

        def codes(_index: int, pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], int]:
            rows, columns = pixels.shape[0] // patch, pixels.shape[1] // patch
            cells = pixels.reshape(rows, patch, columns, patch, 3).transpose(0, 2, 1, 3, 4).reshape(rows, columns, -1)
            groups = [group.mean(axis=-1) for group in np.array_split(cells, channels, axis=-1)]
            return (np.stack(groups) * self.spec.levels / 256).astype(np.uint8), 0

        return _encoded(self.plain, indices, self.spec, codes)


@dataclass(frozen=True)
class MappedFrames:
    """The same images as codes of a learned encoder under a smooth keyed map; kept once they were encoded.

    Attributes:
        plain: the images.
        spec: of the encoder.
        network: encoder and map.
    """

    plain: PlainFrames
    spec: VeilSpec
    network: MappedEncoder
    _kept: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.plain)

    def of_epoch(self, seed: int, epoch: int) -> Sequence[int]:
        """Return the numbers of the images that an epoch trains on: all of them."""
        return self.plain.of_epoch(seed, epoch)

    def batch(self, indices: Sequence[int]) -> DetectionBatch:
        """Return some images as a batch of codes."""

        def codes(index: int, pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], int]:
            if index not in self._kept:
                self._kept[index] = self.network.levels(pixels)
            return self._kept[index], 0

        return _encoded(self.plain, indices, self.spec, codes)


def _encoded(plain: PlainFrames, indices: Sequence[int], spec: VeilSpec, codes: Encode) -> DetectionBatch:
    grid = plain.size // spec.patch
    inputs = np.full((len(indices), spec.channels + 1, grid, grid), NO_CELL, dtype=np.uint8)
    boxes: list[tuple[float, ...]] = []
    names = []
    for row, index in enumerate(indices):
        image = plain.images[index]
        window, pixels = letterboxed(image, plain.size, spec.patch)
        values, sub_key = codes(index, pixels)
        top, left = window.row_offset, window.column_offset
        inputs[row, :-1, top : top + values.shape[1], left : left + values.shape[2]] = values
        inputs[row, -1] = sub_key
        boxes += [(row, *box) for box in square_boxes(image, window)]
        names.append(image.name)
    return labelled_batch(inputs, boxes, tuple(names))
