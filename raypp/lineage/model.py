"""The detector whose lineage is traced, without its tensors."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from raypp.detect.bundle_header import BundleHeader, BundleModelInfo, is_bundle, is_sealed, read_index
from raypp.detect.model_info import detector_folder
from raypp.detect.provenance import Provenance, read_provenance
from raypp.errors import ModelError

_CHUNK = 1 << 20


@dataclass(frozen=True)
class TracedModel:
    """A detector.

    Attributes:
        name: of its file or folder.
        digest: of a bundle its own, else SHA-256 of its bytes, hex.
        info: what it belongs to.
        provenance: where it comes from; None where it does not tell.
        facts: what else is known of it.
        at_us: when it was written here, microseconds since 1970.
    """

    name: str
    digest: str
    info: BundleModelInfo
    provenance: Provenance | None
    facts: dict[str, str]
    at_us: int


def read_model(place: Path) -> TracedModel:
    """Read a bundle, a run of training or a detector's folder.

    Raises:
        ModelError: if it is none of these, or damaged.
    """
    at_us = _written_us(place)
    if place.is_dir():
        return _of_folder(place, detector_folder(place), at_us)
    if not is_bundle(place):
        raise ModelError(f"{place} is no detector; give a bundle of `raypp export`, or a run of `raypp train`")
    if is_sealed(place):
        from raypp.detect.bundle import read_bundle_header  # noqa: PLC0415 - needs torch, slow to import

        return _of_header(place, sha256_of(place), read_bundle_header(place), at_us)
    index = read_index(place)
    return _of_header(place, index.sha256, index.header, at_us)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _of_header(place: Path, digest: str, header: BundleHeader, at_us: int) -> TracedModel:
    facts = {"architecture": header.info.architecture, "epochs": str(header.epochs), "precision": header.precision}
    if header.scores is not None:
        facts["scores"] = f"mAP50 {header.scores.map50:.3f}, mAP50-95 {header.scores.map50_95:.3f}"
    return TracedModel(place.name, digest, header.info, header.provenance, facts, at_us)


def _of_folder(place: Path, folder: Path, at_us: int) -> TracedModel:
    from raypp.detect.checkpoint import read_model_info  # noqa: PLC0415 - needs torch, slow to import

    info = BundleModelInfo.model_validate(read_model_info(folder).model_dump(mode="json"))
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    facts = {"architecture": info.architecture}
    return TracedModel(place.name, digest.hexdigest(), info, read_provenance(folder), facts, at_us)


def _written_us(place: Path) -> int:
    try:
        return place.stat().st_mtime_ns // 1000
    except OSError as error:
        raise ModelError(f"{place}: {error.strerror}; give a bundle of `raypp export`, or a run") from None
