"""The archive of synthetic frames: drawn segment by segment, labelled as it was drawn, and closed as any other."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from raypp.errors import ConflictError, LabelError
from raypp.ingest.job import hold_to_header
from raypp.progress import Progress
from raypp.shards.labels import LabelTable, SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.manifest import MANIFEST_FILE, Manifest, compile_manifest, finished_segments
from raypp.shards.reader import ShardReader
from raypp.shards.receipt import Receipt
from raypp.shards.schema import ArchiveHeader, Origin, ShardRow
from raypp.shards.store import Store
from raypp.synthesis.frames import RealFrames
from raypp.synthesis.rows import SEGMENT_FRAMES, FrameDrawer, segments_of, write_segment
from raypp.synthesis.settings import SynthesisSettings
from raypp.text.split_names import TRAIN, VAL

_VAL_EVERY = 10
"""One synthetic frame of so many is val, where no real frames are."""


@dataclass(frozen=True)
class SyntheticArchive:
    """An archive that is being drawn.

    Attributes:
        settings: what was asked.
        real: the frames that the generator learned from.
        labels_version: name of their label version, and of the synthetic one.
        drawer: draws frames.
    """

    settings: SynthesisSettings
    real: RealFrames
    labels_version: str
    drawer: FrameDrawer

    @property
    def header(self) -> ArchiveHeader:
        """The header: veil and size of the real archive, so that a detector of one reads the other."""
        origin = Origin.MIXED if self.settings.mix else Origin.SYNTHETIC
        update = {"variants": 0, "origin": origin, "generator": self.drawer.generator.digest}
        return self.real.header.model_copy(update=update)

    def write(self, progress: Progress) -> Manifest:
        """Draw what is missing, and close the archive; a stopped run goes on, and gives the same bytes.

        Raises:
            ConflictError: if the folder holds another archive, or another job holds it.
            ShardError: if it cannot be written.
        """
        store = Store(str(self.settings.out), self.settings.load_data_key())
        with store.lock():
            hold_to_header(store, self.header)
            store.sweep()
            finished = finished_segments(store)
            self._refuse_others(store, finished)
            self._draw(store, finished, progress)
            mixed = self._mix(store, finished, progress) if self.settings.mix else []
            manifest = compile_manifest(store, self.header)
            rows = [*self._labels(), *mixed]
            write_labels(store, self.labels_version, self.real.classes, self.header.veil_id, rows)
        return manifest

    def _refuse_others(self, store: Store, finished: dict[str, Receipt]) -> None:
        wanted = {self.drawer.segment_id(*segment) for segment in segments_of(self.settings.frames)}
        if self.settings.mix:
            wanted |= {_mixed_id(receipt) for receipt in self._real_reader().manifest.receipts}
        labels = [version for version in list_versions(store) if version != self.labels_version]
        if finished.keys() - wanted or labels or (store.exists(MANIFEST_FILE) and not finished):
            raise ConflictError(
                f"output {self.settings.out} holds frames of another number or seed; use the same as before, or "
                "another `out`"
            )

    def _draw(self, store: Store, finished: dict[str, Receipt], progress: Progress) -> None:
        data_key = self.settings.load_data_key()
        segments = [*segments_of(self.settings.frames)]
        todo = [segment for segment in segments if self.drawer.segment_id(*segment) not in finished]
        with progress.task("drawing", sum(count for _, count in todo)) as advance:
            for number, count in todo:
                rows = self.drawer.draw(number, count)
                write_segment(store, self.header, data_key, self.drawer.segment_id(number, count), rows)
                advance(count, f"segment {number + 1}/{len(segments)}", count)

    def _labels(self) -> Iterator[SampleLabels]:
        for number, count in segments_of(self.settings.frames):
            for place, layout in enumerate(self.drawer.layouts_of(number, count)):
                index = number * SEGMENT_FRAMES + place
                is_val = not self.settings.mix and index % _VAL_EVERY == _VAL_EVERY - 1
                yield SampleLabels(self.drawer.sample_id(index), VAL if is_val else TRAIN, layout.boxes)

    def _real_reader(self) -> ShardReader:
        return ShardReader(self.settings.archive, self.settings.load_data_key())

    def _mix(self, store: Store, finished: dict[str, Receipt], progress: Progress) -> list[SampleLabels]:
        """Copy the labelled real frames, without variants; returns their labels."""
        labels = mixed_labels(self.settings, self.real)
        wanted = {row.sample_id: row for row in labels.rows if row.split in {TRAIN, VAL} and not row.variant}
        reader, data_key = self._real_reader(), self.settings.load_data_key()
        receipts = [receipt for receipt in reader.manifest.receipts if receipt.shard]
        with progress.task("mixing", len(receipts)) as advance:
            for receipt in receipts:
                if _mixed_id(receipt) not in finished and receipt.shard:
                    rows = [
                        ShardRow(**row | {"variants": 0})
                        for batch in reader.shard(receipt.shard)
                        for row in batch.rows.to_pylist()
                        if row["sample_id"] in wanted
                    ]
                    if rows:
                        write_segment(store, self.header, data_key, _mixed_id(receipt), rows)
                advance(1, "", 0)
        return list(wanted.values())


def mixed_labels(settings: SynthesisSettings, real: RealFrames) -> LabelTable:
    """Read the label version of the real frames that go into the archive.

    Raises:
        ShardError: if there is no such version.
        LabelError: if it has other classes, or no val frames.
    """
    assert settings.mix is not None  # noqa: S101 - callers mix
    store = Store(settings.archive, settings.load_data_key())
    labels = read_labels(store, settings.mix)
    if labels.classes != real.classes:
        raise LabelError(
            f"`mix` {settings.mix} has classes {', '.join(labels.classes)}, and the generator learns "
            f"{', '.join(real.classes)}; name a label version with the same"
        )
    if not labels.splits.get(VAL):
        raise LabelError(f"`mix` {settings.mix} has no val frames; split it with `raypp split`")
    return labels


def _mixed_id(receipt: Receipt) -> str:
    return hashlib.sha256(f"mixed {receipt.segment_id}".encode()).hexdigest()[:32]
