"""A bundle with its counting calibrated: the same weights, and in the header how it counts."""

from pathlib import Path

from raypp.detect.bundle import Bundle, read_bundle, write_bundle
from raypp.detect.bundle_header import WITH_COUNTING, WITH_PRIVACY, BundleHeader
from raypp.detect.count_calibration import CountCalibration


def write_calibrated(
    model: Path, calibration: CountCalibration, out: Path, passphrase: str | None = None, *, force: bool = False
) -> int:
    """Write a bundle with a calibration; returns its size in bytes.

    Args:
        model: the bundle that was calibrated.
        calibration: how it counts.
        out: the new file.
        passphrase: to seal it under; None to leave it open.
        force: whether a file that is there may be replaced.

    Raises:
        ModelError: if the bundle cannot be read.
        ConflictError, ShardError: if the file is there, or cannot be written.
    """
    bundle = read_bundle(model)
    fields = {name: getattr(bundle.header, name) for name in BundleHeader.model_fields}
    version = WITH_COUNTING if bundle.header.privacy is None else WITH_PRIVACY
    header = BundleHeader(**{**fields, "format_version": version, "counting": calibration})
    return write_bundle(Bundle(header, bundle.tensors), out, passphrase, force=force)
