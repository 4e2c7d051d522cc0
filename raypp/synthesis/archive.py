"""The archive of synthetic frames: drawn segment by segment, labelled as it was drawn, and closed as any other."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from raypp.errors import ConflictError, LabelError
from raypp.ingest import last_signed
from raypp.ingest.job import hold_to_header
from raypp.ingest.settings import owner_side
from raypp.io.private import private_folder
from raypp.progress import Progress
from raypp.shards.labels import LabelTable, SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.manifest import MANIFEST_FILE, Manifest, compile_manifest, finished_segments
from raypp.shards.reader import ShardReader
from raypp.shards.receipt import Receipt
from raypp.shards.schema import ArchiveHeader, Origin, ShardRow
from raypp.shards.signature import ArchiveSignature, sign_archive
from raypp.shards.store import Store
from raypp.synthesis.frames import RealFrames
from raypp.synthesis.rows import SEGMENT_FRAMES, FrameDrawer, segments_of, write_segment
from raypp.synthesis.settings import SynthesisSettings
from raypp.text.split_names import TRAIN, VAL
from raypp.text.wording import counted
from raypp.veil.key import VeilKey

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
        key: the owner's, which signs the archive; None to leave it unsigned.
    """

    settings: SynthesisSettings
    real: RealFrames
    labels_version: str
    drawer: FrameDrawer
    key: VeilKey | None = None

    @property
    def header(self) -> ArchiveHeader:
        """The header: veil and size of the real archive, so that a detector of one reads the other."""
        origin = Origin.MIXED if self.settings.mix else Origin.SYNTHETIC
        update = {"variants": 0, "origin": origin, "generator": self.drawer.generator.digest}
        return self.real.header.model_copy(update=update)

    def write(self, progress: Progress) -> tuple[Manifest, ArchiveSignature | None]:
        """Draw what is missing, and close the archive; a stopped run goes on, and gives the same bytes.

        Returns:
            The manifest, and the owner's signature, if there is a key.

        Raises:
            ConflictError: if the folder holds another archive, another job holds it, or somebody altered it since the
                last run here signed it.
            ModelError: if the generator draws frames that it learned.
            ShardError: if it cannot be written.
        """
        store = Store(str(self.settings.out), self.settings.load_data_key())
        with store.lock():
            hold_to_header(store, self.header)
            if self.key is not None:
                last_signed.check_as_left(store, self._side, self.key)
            store.sweep()
            finished = finished_segments(store)
            self._refuse_others(store, finished)
            last_signed.forget_signed(self._side)
            self._draw(store, finished, progress)
            mixed = self._mix(store, finished, progress) if self.settings.mix else []
            manifest = compile_manifest(store, self.header)
            rows = [*self._labels(), *mixed]
            write_labels(store, self.labels_version, self.real.classes, self.header.veil_id, rows)
            return manifest, self._sign(store, manifest)

    @property
    def _side(self) -> Path:
        """The owner's side of the archive."""
        return owner_side(str(self.settings.out))

    def _sign(self, store: Store, manifest: Manifest) -> ArchiveSignature | None:
        if self.key is None:
            return None
        digests = {version: read_labels(store, version).digest for version in list_versions(store)}
        signature = sign_archive(store, manifest, digests, digests, self.key)
        if signature is not None:
            private_folder(self._side)
            last_signed.keep(self._side, signature)
        return signature

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
        refused = 0
        with progress.task("drawing", sum(count for _, count in todo)) as advance:
            for number, count in todo:
                drawn = self.drawer.draw(number, count)
                refused += drawn.refused
                write_segment(store, self.header, data_key, self.drawer.segment_id(number, count), drawn.rows)
                advance(count, f"segment {number + 1}/{len(segments)}", count)
        if todo:
            progress.say(f"guard: {counted(refused, 'draw')} lay too near to learned frames, and were drawn again")

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
