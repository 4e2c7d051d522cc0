"""The models of a service by the veil that they read, looked at without loading one."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from raypp.detect.bundle_header import BundleHeader, is_sealed, read_index
from raypp.errors import ModelError, OptionError


def models_by_veil(paths: Iterable[Path]) -> dict[str, Path]:
    """Return bundles by veil_id.

    Raises:
        ModelError: if one cannot be read, or is no bundle.
        OptionError: if two read the same veil.
    """
    models: dict[str, Path] = {}
    for path in paths:
        veil_id = bundle_header(path).info.veil_id
        if veil_id in models:
            raise OptionError(f"{models[veil_id]} and {path} both read veil {veil_id}; serve one of them")
        models[veil_id] = path
    return models


def describe_bundle(path: Path) -> str:
    """Say in a few words which model a bundle holds, so that two of one name can be told apart.

    Raises:
        ModelError: if it cannot be read, or is no bundle.
    """
    header = bundle_header(path)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as error:
        raise ModelError(
            f"bundle {path}: {error.strerror}; give the path of a file that `raypp export` wrote"
        ) from None
    scores = f"mAP50 {header.scores.map50:.3f}, " if header.scores else ""
    classes = len(header.info.classes)
    epochs = f"{header.epochs} {'epoch' if header.epochs == 1 else 'epochs'}"
    return (
        f"{digest[:12]} ({header.info.architecture}, {epochs}, {scores}{classes} "
        f"{'class' if classes == 1 else 'classes'}, file of {written:%Y-%m-%d %H:%M} UTC)"
    )


def bundle_header(path: Path) -> BundleHeader:
    """Read a bundle's header, without torch if it is not sealed; raises ModelError if it is no bundle."""
    try:
        if not is_sealed(path):
            return read_index(path).header
    except OSError as error:
        raise ModelError(
            f"bundle {path}: {error.strerror}; give the path of a file that `raypp export` wrote"
        ) from None
    from raypp.detect.bundle import read_bundle_header  # noqa: PLC0415 - it needs torch, which takes seconds to load

    return read_bundle_header(path)
