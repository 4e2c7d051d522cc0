"""A trained detector as one file: weights, classes, veil and scores, and no code; and as programs for others."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from raypp.detect.bundle_header import BundleHeader, BundleModelInfo, BundleScores
from raypp.detect.model_info import ModelInfo, detector_folder
from raypp.detect.provenance import read_provenance
from raypp.detect.reliability import read_reliabilities
from raypp.errors import ConflictError, ModelError, OptionError
from raypp.shards.manifest import read_archive_header
from raypp.shards.store import Store
from raypp.train.results import EpochResult, read_results

if TYPE_CHECKING:
    from raypp.detect.bundle import Bundle  # needs torch


class ExportFormat(StrEnum):
    """Formats of an exported detector."""

    BUNDLE = "bundle"
    ONNX = "onnx"
    OPENVINO = "openvino"

    @classmethod
    def of(cls, names: Iterable[str]) -> "tuple[ExportFormat, ...]":
        """Return formats by their names; raises OptionError for one that is none, or for none at all."""
        names = tuple(names)
        for name in names:
            if name not in set(cls):
                raise OptionError(f"`formats` {name!r} is none; give some of {', '.join(cls)}")
        if not names:
            raise OptionError(f"`formats` names none; give some of {', '.join(cls)}")
        return tuple(map(cls, dict.fromkeys(names)))


class ExportedFile(BaseModel):
    """A file that an export wrote."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: int
    format: ExportFormat


class ExportSummary(BaseModel):
    """Summary of an export."""

    model_config = ConfigDict(frozen=True)

    out: str = Field(description="the first file")
    bytes: int = Field(description="of the first file")
    files: tuple[ExportedFile, ...] = Field(description="all files, the bundle first")
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
    formats: Sequence[ExportFormat] = (ExportFormat.BUNDLE,),
) -> ExportSummary:
    """Write a run's detector as a bundle, as a program for other software, or as both; each file whole or not at all.

    Args:
        run: a run of training, or its detector folder.
        out: the bundle's file; programs take its name with suffixes of their own.
        archive: the archive it was trained on, for a run that does not hold the veil's spec.
        passphrase: to seal it under; None to leave it open.
        half: whether the bundle's weights are stored as float16.
        force: whether files that are there may be replaced.
        formats: what to write; one at least.

    Raises:
        OptionError: if a program is to be sealed, or stored as float16.
        ModelError, ConflictError, ShardError: if the run cannot be read or a file not written.
    """
    programs = [ExportFormat(name) for name in formats if name != ExportFormat.BUNDLE]
    if programs and (half or passphrase is not None):
        field = "half" if half else "passphrase_file"
        raise OptionError(f"`{field}` is of bundles alone; leave {', '.join(programs)} out of `formats`")
    from raypp.detect.bundle import write_bundle  # noqa: PLC0415 - needs torch, slow to import

    header, bundle = _bundle(run, archive, half=half)
    written = _programs(run, out, header, programs)
    if out in written and ExportFormat.BUNDLE in formats:
        raise OptionError(f"`out` {out} is the bundle's name and the program's; give one such as tools.model")
    taken = [path for path in written if path.exists()]
    if taken and not force:
        raise ConflictError(f"{taken[0]} exists; choose another `out`, or replace it with `force`")
    files = []
    if ExportFormat.BUNDLE in formats:
        size = write_bundle(bundle, out, passphrase, force=force)
        files.append(ExportedFile(path=str(out), bytes=size, format=ExportFormat.BUNDLE))
    for path, (program, content) in written.items():
        Store(str(path.absolute().parent)).write_atomic(path.name, content)
        files.append(ExportedFile(path=str(path), bytes=len(content), format=program))
    return ExportSummary(
        out=files[0].path, bytes=files[0].bytes, files=tuple(files), sealed=passphrase is not None, header=header
    )


def _programs(
    run: Path, out: Path, header: BundleHeader, formats: Iterable[ExportFormat]
) -> dict[Path, tuple[ExportFormat, bytes]]:
    """Return format and content of the files of a run's programs, by path."""
    from raypp.detect.checkpoint import load_detector  # noqa: PLC0415 - needs torch, slow to import
    from raypp.detect.engines.files import ProgramFormat, program_files  # noqa: PLC0415

    contents: dict[Path, tuple[ExportFormat, bytes]] = {}
    for name in formats:
        files = program_files(*load_detector(detector_folder(run)), header, ProgramFormat(name))
        contents |= {out.with_suffix(suffix): (name, content) for suffix, content in files.items()}
    return contents


def _bundle(run: Path, archive: str | None, *, half: bool) -> "tuple[BundleHeader, Bundle]":
    folder = detector_folder(run)
    if not folder.is_dir():
        raise ModelError(f"{run} is no run; give the folder that `raypp train` wrote")
    from raypp.detect.bundle import Bundle  # noqa: PLC0415 - needs torch, slow to import
    from raypp.detect.checkpoint import read_model_info  # noqa: PLC0415
    from raypp.detect.training_state import read_averages  # noqa: PLC0415

    info, (weights, epochs) = read_model_info(folder), read_averages(folder)
    reliabilities, provenance = read_reliabilities(folder, info.classes), read_provenance(folder)
    header = BundleHeader(
        format_version=3 if provenance else 2 if reliabilities else 1,
        info=BundleModelInfo.model_validate(_with_spec(info, archive, run).model_dump(mode="json")),
        precision="float16" if half else "float32",
        epochs=epochs,
        scores=_scores(run, epochs),
        reliabilities=reliabilities,
        provenance=provenance,
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
