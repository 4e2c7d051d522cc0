"""The public Python API: what a notebook or a pipeline calls; each function works in this process.

Values go in, frozen values come out. Errors are those of `raypp.errors`, and name a field and its limit. Wherever
`progress` is taken, it is called with one line of text now and then, such as `print`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raypp.progress import SILENT, LineProgress, Progress

if TYPE_CHECKING:
    from raypp.audit.run import AuditSummary
    from raypp.audit.settings import AuditSettings
    from raypp.compare.comparison import Comparison
    from raypp.compare.run import CompareSummary
    from raypp.evaluate.detector import Detector
    from raypp.evaluate.report import EvaluationReport
    from raypp.fit.run import FitSummary
    from raypp.fit.settings import FitSettings
    from raypp.ingest.settings import VeilSettings
    from raypp.ingest.summary import VeilSummary
    from raypp.reports.tables import LedgerReader
    from raypp.shards.archive import Archive
    from raypp.shards.labels import LabelTable
    from raypp.shards.splitting import Split
    from raypp.shards.verification import VerificationReport
    from raypp.train.export import ExportSummary
    from raypp.train.run import TrainSummary
    from raypp.train.settings import TrainSettings

Say = Callable[[str], object]
"""Is called with one line of progress."""
# Every function imports its room when it is called: `import raypp` needs neither torch nor pyarrow.


def veil_archive(
    sources: Sequence[str | Path],
    settings: "VeilSettings",
    *,
    limit: int | None = None,
    labels_version: str | None = None,
    allow_unlabelled: bool = False,
    progress: Say | None = None,
) -> "VeilSummary":
    """Veil videos, images and labelled datasets into an archive, or finish one that was begun.

    Args:
        sources: files, folders, globs, URLs, inventories (.csv).
        settings: archive, key, veil, size and sampling.
        limit: at most so many segments in this call; None for all.
        labels_version: name of the label tables that are written; None to number them.
        allow_unlabelled: take a dataset though most of its images have no labels.
        progress: is given lines.

    Raises:
        OptionError: naming a field that is out of range.
        ConflictError: if the archive is held by another job, or was made with another veil or other settings.
        KeyFileError, MediaError, LabelError, SpecError: if key, sources, labels or spec cannot be used.
    """
    from raypp.ingest.job import open_job, veil_here  # noqa: PLC0415

    reporter = _progress(progress)
    with open_job(settings, list(map(str, sources)), reporter, allow_unlabelled=allow_unlabelled) as job:
        return job.run(veil_here, reporter, limit, labels_version)


def open_archive(archive: str | Path, *, labels_version: str | None = None, data_key: Path | None = None) -> "Archive":
    """Open a veiled archive; iterating it gives frames with codes uint8[C, rows, columns], and labels.

    Args:
        archive: folder or URL.
        labels_version: whose labels frames carry; None for the only version, or for none where there are several.
        data_key: data key of encrypted shards.

    Raises:
        ShardError: if there is no archive or version, or the shards are encrypted and no key was given.
    """
    from raypp.shards.archive import open_frames  # noqa: PLC0415
    from raypp.shards.encryption import DataKey  # noqa: PLC0415
    from raypp.shards.reader import ShardReader  # noqa: PLC0415

    return open_frames(ShardReader(str(archive), DataKey.load(data_key) if data_key else None), labels_version)


def verify_archive(
    archive: str | Path,
    *,
    data_key: Path | None = None,
    fingerprint: str | None = None,
    progress: Say | None = None,
) -> "VerificationReport":
    """Check receipts, shards, digests, labels and signature of an archive; needs no veil key.

    Args:
        archive: folder or URL.
        data_key: data key of encrypted shards.
        fingerprint: 16 hex digits of the owner's key, which must have signed; None for any signer, or none.
        progress: is given lines.

    Returns:
        A report whose `problems` are empty if the archive is whole.

    Raises:
        ShardError: if there is no readable manifest, or the shards are encrypted and no key was given.
        OptionError: if the fingerprint is none.
    """
    from raypp.shards.encryption import DataKey  # noqa: PLC0415
    from raypp.shards.verification import verify  # noqa: PLC0415
    from raypp.shards.vouching import check_fingerprint  # noqa: PLC0415

    reporter, wanted = _progress(progress), check_fingerprint(fingerprint) if fingerprint else None

    def checked(done: int, total: int) -> None:
        reporter.say(f"checked {done} of {total} shards")

    return verify(str(archive), DataKey.load(data_key) if data_key else None, checked, None, wanted)


def split_archive(
    archive: str | Path,
    name: str,
    how: "Split",
    *,
    labels_version: str | None = None,
    data_key: Path | None = None,
) -> "LabelTable":
    """Write a label version in which every labelled frame is train or val; needs no veil key.

    Args:
        archive: folder or URL.
        name: name of the new version.
        how: by time or by source, share of val, seconds of the gap.
        labels_version: version to start from; None for the only one.
        data_key: data key of encrypted shards.

    Raises:
        OptionError: naming a field of `how` that is out of range.
        LabelError: if train or val would be empty.
        ConflictError: if the version exists with other content.
    """
    from raypp.shards.encryption import DataKey  # noqa: PLC0415
    from raypp.shards.reader import ShardReader  # noqa: PLC0415
    from raypp.shards.splitting import write_split  # noqa: PLC0415

    return write_split(
        ShardReader(str(archive), DataKey.load(data_key) if data_key else None), labels_version, name, how
    )


def train_detector(settings: "TrainSettings", *, progress: Say | None = None) -> "TrainSummary":
    """Train a detector on veiled frames, or go on with its run; needs shards and labels, and no veil key.

    Args:
        settings: archive, folder of the run, model and schedule.
        progress: is given a line an epoch, and some within long ones.

    Raises:
        OptionError: naming a field that is out of range.
        ConflictError: if the run was begun otherwise.
        LabelError, ShardError, ModelError: if archive or weights cannot be used, or training failed.
    """
    from raypp.train.run import run_training  # noqa: PLC0415

    return run_training(settings, progress=_progress(progress))


def evaluate_detector(
    archive: str | Path,
    model: Path,
    *,
    labels_version: str | None = None,
    split: str = "val",
    folder: Path | None = None,
    data_key: Path | None = None,
    progress: Say | None = None,
) -> "EvaluationReport":
    """Measure a detector on the labelled frames of a split: mAP50, mAP50-95, each class, and what it gets wrong.

    Args:
        archive: folder or URL.
        model: a run of training, its detector folder, or an exported file.
        labels_version: label version; None for the only one.
        split: name of the split.
        folder: where scores, images, errors and suspected label errors are written; None for nowhere.
        data_key: data key of encrypted shards.
        progress: is given lines.

    Raises:
        LabelError, ShardError: if archive or split cannot be used.
        ModelError, ConflictError: if the detector cannot be read, or is of another veil.
    """
    from raypp.evaluate.run import run_evaluation  # noqa: PLC0415

    return run_evaluation(
        str(archive), Path(model), labels_version, split, folder, data_key, progress=_progress(progress)
    )


def export_detector(
    run: Path,
    out: Path,
    *,
    archive: str | None = None,
    passphrase: str | None = None,
    half: bool = False,
    force: bool = False,
) -> "ExportSummary":
    """Write a trained detector as one file: weights, classes, veil and scores, and no code.

    Args:
        run: a run of training, or its detector folder.
        out: the file.
        archive: the archive it was trained on, for a run that does not hold the veil's spec.
        passphrase: to seal it under; None to leave it open.
        half: store weights as float16.
        force: replace a file that is there.

    Raises:
        ModelError, ConflictError, ShardError: if the run cannot be read or the file not written.
    """
    from raypp.train.export import write_export  # noqa: PLC0415

    return write_export(Path(run), Path(out), archive, passphrase, half=half, force=force)


def fit_veil(
    settings: "FitSettings",
    out: Path,
    key: Path,
    *,
    keep_checkpoints: bool = False,
    progress: Say | None = None,
) -> "FitSummary":
    """Fit a learned veil on plain images, inside the perimeter, or go on with its fit.

    Args:
        settings: images, weights, form of the veil and schedule.
        out: folder of the fit.
        key: file of the owner's key.
        keep_checkpoints: keep encoder and adversaries, unsealed.
        progress: is given a line an epoch, and some within long ones.

    Raises:
        OptionError, SpecError: naming a field that is out of range.
        ConflictError: if the fit was begun otherwise.
        KeyFileError, LabelError, ModelError: if key or images cannot be used, or fitting failed.
    """
    from raypp.fit.run import run_fit  # noqa: PLC0415

    return run_fit(
        settings, Path(out).absolute(), Path(key), progress=_progress(progress), keep_checkpoints=keep_checkpoints
    )


def compare_veils(comparison: "Comparison", *, replicates: int = 1000, progress: Say | None = None) -> "CompareSummary":
    """Measure what a veil costs: the same detector on plain and on veiled images, inside the perimeter.

    Args:
        comparison: images, key, schedule and arms.
        replicates: bootstrap resamples of each interval.
        progress: is given lines.

    Raises:
        OptionError: naming a field that is out of range.
        LabelError, ConflictError, ModelError: if images or folder cannot be used, or an arm failed.
    """
    from raypp.compare.run import run_comparison  # noqa: PLC0415

    return run_comparison(comparison, progress=_progress(progress), replicates=replicates)


def audit_veil(settings: "AuditSettings", *, progress: Say | None = None) -> "AuditSummary":
    """Attack a veil on the owner's own images, and write report and signed certificate, inside the perimeter.

    Args:
        settings: footage, key, veil and budget.
        progress: is given lines.

    Raises:
        OptionError: if the footage is too little.
        KeyFileError: if the key cannot sign.
    """
    from raypp.audit.run import run_audit  # noqa: PLC0415
    from raypp.audit.tasks import attack_here  # noqa: PLC0415

    return run_audit(settings, attack_here, _progress(progress))


def load_detector(model: Path) -> "Detector":
    """Load a detector; its `detect` takes frames of `open_archive`.

    Args:
        model: a run of training, its detector folder, or an exported file.

    Raises:
        ModelError: if it cannot be read.
    """
    from raypp.evaluate.detector import Detector  # noqa: PLC0415

    return Detector.load(Path(model))


def open_ledger(url: str) -> "LedgerReader":
    """Open a ledger to read its episodes and reports as Arrow tables.

    Args:
        url: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME.

    Raises:
        LedgerError: if there is no ledger, or it cannot be opened.
    """
    from raypp.ledger.store import Ledger  # noqa: PLC0415
    from raypp.reports.tables import LedgerReader  # noqa: PLC0415

    return LedgerReader(Ledger.open(url, create=False))


def _progress(say: Say | None) -> Progress:
    return SILENT if say is None else LineProgress(say)
