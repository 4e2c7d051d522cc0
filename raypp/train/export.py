"""A trained detector as one file: weights, classes, veil and scores, and no code."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from raypp.detect.bundle_header import BundleHeader, BundleModelInfo, BundleScores
from raypp.detect.model_info import ModelInfo, detector_folder
from raypp.errors import ConflictError, ModelError
from raypp.shards.manifest import read_archive_header
from raypp.shards.store import Store
from raypp.train.results import EpochResult, read_results

if TYPE_CHECKING:
    from raypp.detect.bundle import Bundle  # needs torch


class ExportSummary(BaseModel):
    """Summary of an export."""

    model_config = ConfigDict(frozen=True)

    out: str
    bytes: int
    sealed: bool = Field(description="whether it opens by passphrase only")
    header: BundleHeader


def write_export(
    run: Path,
    out: Path,
    archive: str | None = None,
    passphrase: str | None = None,
    *,
    half: bool = False,
    force: bool = False,
) -> ExportSummary:
    """Write a run's detector as a bundle, whole or not at all.

    Args:
        run: a run of training, or its detector folder.
        out: the file to write.
        archive: the archive it was trained on, for a run that does not hold the veil's spec.
        passphrase: to seal it under; None to leave it open.
        half: whether weights are stored as float16.
        force: whether a file that is there may be replaced.

    Raises:
        ModelError, ConflictError, ShardError: if the run cannot be read or the file not written.
    """
    from raypp.detect.bundle import write_bundle  # noqa: PLC0415 - needs torch, slow to import

    header, bundle = _bundle(run, archive, half=half)
    size = write_bundle(bundle, out, passphrase, force=force)
    return ExportSummary(out=str(out), bytes=size, sealed=passphrase is not None, header=header)


def _bundle(run: Path, archive: str | None, *, half: bool) -> "tuple[BundleHeader, Bundle]":
    folder = detector_folder(run)
    if not folder.is_dir():
        raise ModelError(f"{run} is no run; give the folder that `raypp train` wrote")
    from raypp.detect.bundle import Bundle  # noqa: PLC0415 - needs torch, slow to import
    from raypp.detect.checkpoint import read_model_info  # noqa: PLC0415
    from raypp.detect.training_state import read_averages  # noqa: PLC0415

    info, (weights, epochs) = read_model_info(folder), read_averages(folder)
    header = BundleHeader(
        info=BundleModelInfo.model_validate(_with_spec(info, archive, run).model_dump(mode="json")),
        precision="float16" if half else "float32",
        epochs=epochs,
        scores=_scores(run, epochs),
    )
    return header, Bundle.of(header, weights)


def _scores(run: Path, epochs: int) -> BundleScores | None:
    """Return the results of the checkpoint's epoch; None if the run does not hold them."""
    for result in read_results(run, EpochResult):
        if result.epoch == epochs:
            return BundleScores(**result.model_dump(include=set(BundleScores.model_fields)))
    return None


def _with_spec(info: ModelInfo, archive: str | None, run: Path) -> ModelInfo:
    if info.spec:
        return info
    if archive is None:
        raise ModelError(f"run {run} does not hold the spec of its veil; name its archive by `archive`")
    header = read_archive_header(Store(archive))
    if header.veil_id != info.veil_id:
        raise ConflictError(
            f"run {run} is of veil {info.veil_id}, but {archive} of {header.veil_id}; "
            "name the archive it was trained on"
        )
    return info.model_copy(update={"spec": header.spec})
