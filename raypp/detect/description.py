"""What a detector bundle holds, as lines of name and value."""

import json
from pathlib import Path

from raypp.detect.bundle_header import is_sealed, read_index
from raypp.detect.engines.name import describe_engines
from raypp.detect.privacy import PrivacyStatement
from raypp.detect.provenance import Provenance


def describe_detector_file(path: Path) -> dict[str, str]:
    """Describe a bundle; of a sealed one there is only its size. Raises ModelError if it is damaged."""
    lines = {"detector bundle": str(path), "bytes": f"{path.stat().st_size:,}"}
    if is_sealed(path):
        return lines | {"sealed": "by a passphrase, without which nothing of it can be told"}
    index = read_index(path)
    header, info = index.header, index.header.info
    lines |= {
        "format version": str(header.format_version),
        "architecture": info.architecture,
        "weights": f"{index.values:,} values, floating ones as {header.precision}",
        "classes": ", ".join(info.classes),
        "size": f"{info.size} pixels",
        "veil_id": info.veil_id,
        "spec": json.dumps(info.spec, sort_keys=True),
        "dataset version": info.dataset_version,
        "labels version": info.labels_version,
        "epochs": str(header.epochs),
    }
    if header.provenance is not None:
        lines |= _provenance(header.provenance)
    if header.privacy is not None:
        lines["privacy"] = _privacy(header.privacy)
    lines["engines"] = describe_engines()
    if header.scores is not None:
        lines["scores"] = f"mAP50 {header.scores.map50:.3f}, mAP50-95 {header.scores.map50_95:.3f} on the val split"
    if header.counting is not None:
        each = zip(info.classes, header.counting.classes, strict=True)
        lines["counting"] = ", ".join(f"{name} from {counted.threshold:g}" for name, counted in each)
    return lines


def _privacy(privacy: PrivacyStatement) -> str:
    whose = "all weights" if privacy.adapter else "all weights but the adapter's"
    return f"epsilon {privacy.epsilon:.3g} at delta {privacy.delta:g} for a {privacy.unit}; of {whose}"


def _provenance(provenance: Provenance) -> dict[str, str]:
    weights = provenance.initial_weights
    return {
        "tag": provenance.tag or "none named",
        "initial weights": f"{weights.name}, sha256 {weights.sha256}" if weights else "random",
        "code": ", ".join(provenance.code),
    }
