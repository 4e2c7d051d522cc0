"""Chains made at random from real parts: veiled videos, label versions, tags, signed certificates, bundles."""

import random
from dataclasses import dataclass
from pathlib import Path

import torch

from raypp.audit.verdict.certificate import sign
from raypp.detect.bundle import Bundle, write_bundle
from raypp.detect.bundle_header import BundleHeader, BundleModelInfo
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT
from raypp.shards.labels import list_versions, read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.split_by import SplitBy
from raypp.shards.splitting import Split, write_split
from raypp.shards.tags import write_tag
from raypp.train.provenance import record_provenance
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.audit.rows import certificate
from tests.videos import make_video

_LABELS = "time_s,class,x,y,w,h\n0.1,saw,0.5,0.5,0.2,0.4\n0.3,hammer,0.4,0.4,0.2,0.2\n0.5,,,,,\n"


@dataclass(frozen=True)
class Chain:
    """A chain as it was really made, for a lineage to be held against.

    Attributes:
        folder: of everything.
        key: the owner's.
        model: the bundle.
        dataset: what it was trained on, as a training opens it.
        sources: names of the labelled videos of that dataset version.
        frames: frames of that version.
        signer: fingerprint in the archive's signature, where it signs that version still.
        weights: name of the weights' file, or None.
        certificate: its file, or None.
        tags: all tags of that version.
    """

    folder: Path
    key: VeilKey
    model: Path
    dataset: VeiledDataset
    sources: frozenset[str]
    frames: int
    signer: str | None
    weights: str | None
    certificate: Path | None
    tags: tuple[str, ...]

    @property
    def archive(self) -> Path:
        """The veiled archive."""
        return self.folder / "veiled"


def make_chain(folder: Path, seed: int) -> Chain:
    """Veil some videos, label, tag, grow and train (a bundle with random weights), by chance."""
    chance = random.Random(seed)
    key = VeilKey(chance.randbytes(32), chance.randrange(3))
    save_owner_key(key, folder / "owner.key")
    named = _add_videos(folder, chance, 0)
    _veil(folder)
    reader = ShardReader(str(folder / "veiled"))
    (first,) = list_versions(reader.store)
    labels = first
    if chance.random() < 0.5:
        labels = write_split(reader, first, f"split-{seed}", Split(SplitBy.TIME, 0.4, 0.0)).version
    tags = tuple(sorted(chance.sample(["baseline", "spring", "v2-final"], chance.randrange(1, 3))))
    for tag in tags:
        write_tag(reader.store, tag, reader.manifest, read_labels(reader.store, labels))
    frames = sum(receipt.frames for receipt in reader.manifest.receipts)
    grown = chance.random() < 0.6
    if grown:
        _add_videos(folder, chance, 10)
        _veil(folder)
    digest = VeiledDataset.open(str(folder / "veiled"), None, named=tags[0]).version
    chosen = chance.choice([tags[0], digest[:10]])
    dataset = VeiledDataset.open(str(folder / "veiled"), None, named=chosen)
    weights = _weights(folder, chance)
    return Chain(
        folder=folder,
        key=key,
        model=_trained(folder, dataset, weights),
        dataset=dataset,
        sources=frozenset(named),
        frames=frames,
        signer=None if grown else key.fingerprint,
        weights=weights.name if weights else None,
        certificate=audited(folder, key) if chance.random() < 0.7 else None,
        tags=tags,
    )


def _add_videos(folder: Path, chance: random.Random, first: int) -> list[str]:
    """Add one to three videos; returns the names of those with labels, of which the first is one."""
    labelled = []
    for number in range(first, first + chance.randrange(1, 4)):
        path = make_video(folder / "in" / f"secret-hall-{number}.mp4", seconds=1, seed=number)
        if number == first or chance.random() < 0.5:
            path.with_suffix(".labels.csv").write_text(_LABELS)
            labelled.append(path.name)
    return labelled


def _veil(folder: Path) -> None:
    settings = VeilSettings(
        out=str(folder / "veiled"),
        private=folder / "veiled-private",
        key_path=folder / "owner.key",
        size=160,
        fps=None,
    )
    with open_job(settings, [str(folder / "in")], SILENT) as job:
        job.run(veil_here, SILENT, None, None)


def _weights(folder: Path, chance: random.Random) -> Path | None:
    if chance.random() < 0.3:
        return None
    path = folder / chance.choice(["yolov8n.pt", "start.model"])
    path.write_bytes(chance.randbytes(100))
    return path


def _trained(folder: Path, dataset: VeiledDataset, weights: Path | None) -> Path:
    run = folder / "run"
    run.mkdir()
    info = BundleModelInfo(
        architecture="yolov8n",
        classes=dataset.classes,
        size=dataset.header.size,
        veil_id=dataset.header.veil_id,
        spec=dataset.header.spec,
        dataset_version=dataset.version,
        labels_version=dataset.labels_version,
    )
    header = BundleHeader(
        format_version=3,
        info=info,
        precision="float32",
        epochs=1,
        scores=None,
        provenance=record_provenance(run, dataset, weights),
    )
    write_bundle(Bundle.of(header, {"weight": torch.ones(2)}), folder / "tools.model")
    return folder / "tools.model"


def audited(folder: Path, key: VeilKey) -> Path:
    """Write a signed certificate of the key's veil; returns its file."""
    path = folder / "certificate.json"
    path.write_bytes(sign(certificate(key=key), key))
    return path
