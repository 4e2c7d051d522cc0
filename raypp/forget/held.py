"""Who else has held what is forgotten: label versions, dataset versions, and detectors that were trained on them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from raypp.detect.bundle_header import is_sealed, read_index
from raypp.errors import ModelError
from raypp.forget.receipt import ForgetReceipt, HeldDataset, JudgedModel, LabelsBefore
from raypp.shards.labels import LabelTable, dataset_version
from raypp.shards.manifest import Manifest
from raypp.text.split_names import TRAIN


def forgotten_rows(table: LabelTable, sample_ids: pa.Array) -> pa.Table:
    """Return the rows of a label version that are of forgotten samples."""
    return table.columns.filter(pc.is_in(table.columns["sample_id"], value_set=sample_ids))


def labels_before(
    tables: Iterable[LabelTable], signed: Mapping[str, str], sample_ids: pa.Array
) -> tuple[LabelsBefore, ...]:
    """Say of each label version what is forgotten of it.

    Args:
        tables: the versions.
        signed: digests of those that the owner signed, by name.
        sample_ids: what is forgotten.
    """
    return tuple(
        LabelsBefore(
            version=table.version,
            digest=table.digest,
            is_signed=signed.get(table.version) == table.digest,
            forgotten=forgotten_rows(table, sample_ids).num_rows,
        )
        for table in tables
    )


def held_datasets(
    manifest: Manifest, tables: Iterable[LabelTable], sample_ids: pa.Array, earlier: Iterable[ForgetReceipt]
) -> tuple[HeldDataset, ...]:
    """Name the dataset versions that hold what is forgotten: the present ones, and those that receipts name.

    Args:
        manifest: of the archive.
        tables: its label versions.
        sample_ids: what is forgotten.
        earlier: receipts of what was forgotten before: the dataset versions of then held this, too.
    """
    held = []
    before = [dataset for receipt in earlier for dataset in receipt.datasets]
    for table in tables:
        rows = forgotten_rows(table, sample_ids)
        if not rows.num_rows:
            continue
        frames = dict(sorted(Counter(rows.filter(pc.equal(rows["variant"], 0))["split"].to_pylist()).items()))
        names = [dataset_version(manifest, table)]
        names += [dataset.dataset_version for dataset in before if dataset.labels_version == table.version]
        held += [
            HeldDataset(dataset_version=name, labels_version=table.version, frames=frames)
            for name in dict.fromkeys(names)
        ]
    return tuple(held)


def judge_models(
    paths: Sequence[Path], veil_id: str, datasets: Sequence[HeldDataset], others: Iterable[str]
) -> tuple[JudgedModel, ...]:
    """Say of each detector whether it was trained on what is forgotten.

    Args:
        paths: bundles, not sealed.
        veil_id: of the archive.
        datasets: versions that hold what is forgotten.
        others: present dataset versions, of which those without it are known to be clean.

    Raises:
        ModelError: if a file is no bundle, or sealed.
    """
    held = {dataset.dataset_version: dataset for dataset in datasets}
    clean = set(others) - held.keys()
    return tuple(_judged(path, veil_id, held, clean) for path in paths)


def _judged(path: Path, veil_id: str, held: Mapping[str, HeldDataset], clean: set[str]) -> JudgedModel:
    if not path.is_file():
        raise ModelError(f"`models` {path} is no file; name a bundle that `raypp export` wrote")
    if is_sealed(path):
        raise ModelError(f"{path} is sealed, and does not tell what it was trained on; give one that is not sealed")
    info = read_index(path).header.info
    trained: bool | None
    if info.veil_id != veil_id:
        trained, reason = False, f"it is of veil {info.veil_id}, not of this archive"
    elif info.dataset_version in held:
        frames = held[info.dataset_version].frames
        trained = TRAIN in frames
        listed = ", ".join(f"{count} {split}" for split, count in frames.items())
        reason = f"labels {info.labels_version} named {listed} of the forgotten frames"
    elif info.dataset_version in clean:
        trained, reason = False, f"labels {info.labels_version} name no forgotten frame"
    else:
        trained, reason = None, "its dataset version is none that is here; it may be older, and hold them"
    return JudgedModel(path=str(path), dataset_version=info.dataset_version, trained=trained, reason=reason)
