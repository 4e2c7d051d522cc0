"""Functions on veils, inside the perimeter: fit, compare, audit, and what is made of that."""

from pathlib import Path
from typing import TYPE_CHECKING

from raypp.api.arguments import Say, data_key_of, execution_of, places_of, progress_of
from raypp.key_sources.place import key_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raypp.audit.run import AuditSummary
    from raypp.audit.settings import AuditSettings
    from raypp.audit.verdict.certificate import Certificate
    from raypp.compare.comparison import Comparison
    from raypp.compare.run import CompareSummary
    from raypp.execution import ExecutionSettings
    from raypp.fit.run import FitSummary
    from raypp.fit.settings import FitSettings
    from raypp.frontier.points import Frontier
    from raypp.rekey.run import RekeySummary
    from raypp.rekey.settings import RekeySettings


def fit_veil(
    settings: "FitSettings",
    out: str | Path,
    key: str | Path,
    *,
    keep_checkpoints: bool = False,
    on: "str | ExecutionSettings" = "auto",
    progress: Say | None = None,
) -> "FitSummary":
    """Fit a learned veil on plain images, inside the perimeter, or go on with its fit.

    Args:
        settings: images, weights, form of the veil and schedule.
        out: folder of the fit.
        key: file of the owner's key, or the URL of its source.
        keep_checkpoints: keep encoder and adversaries, unsealed.
        on: where; "auto" goes on where the fit was begun, and begins one worker in this process, more on Ray.
        progress: is given a line an epoch, and some within long ones.

    Raises:
        OptionError, SpecError: naming a field that is out of range.
        ConflictError: if the fit was begun otherwise.
        KeyFileError, LabelError, ModelError: if key or images cannot be used, or fitting failed.
    """
    from raypp.fit.run import run_fit  # noqa: PLC0415

    return run_fit(
        settings,
        Path(out).absolute(),
        key_place(key),
        execution_of(on),
        progress_of(progress),
        keep_checkpoints=keep_checkpoints,
    )


def rekey_veil(
    settings: "RekeySettings",
    *,
    dry_run: bool = False,
    on: "str | ExecutionSettings" = "auto",
    progress: Say | None = None,
) -> "RekeySummary":
    """Put a learned veil under another key: encoder, detectors and an archive, without images and without training.

    A run that was stopped goes on with the same settings, to the same bytes.

    Args:
        settings: keys, encoder, and what else is rekeyed.
        dry_run: check everything, and write nothing.
        on: where shards are translated; takes `workers`.
        progress: is given lines.

    Raises:
        OptionError: if options contradict each other, or one holder would learn how names go together.
        KeyFileError, SpecError: if a key or the encoder cannot be used, or something cannot be rekeyed exactly.
        ConflictError: if the archive cannot be vouched for, or another file lies where something is written.
        MediaError, ModelError, ShardError: if a source, a model or the archive cannot be used.
    """
    from raypp.rekey.run import run_rekey  # noqa: PLC0415

    return run_rekey(settings, execution_of(on), progress_of(progress), dry_run=dry_run)


def compare_veils(
    comparison: "Comparison",
    *,
    replicates: int = 1000,
    on: "str | ExecutionSettings" = "auto",
    progress: Say | None = None,
) -> "CompareSummary":
    """Measure what a veil costs: the same detector on plain and on veiled images, inside the perimeter.

    Args:
        comparison: images, key, schedule and arms.
        replicates: bootstrap resamples of each interval.
        on: where arms are trained; takes `cpus` and `gpus`.
        progress: is given lines.

    Raises:
        OptionError: naming a field that is out of range.
        LabelError, ConflictError, ModelError: if images or folder cannot be used, or an arm failed.
    """
    from raypp.compare.run import run_comparison  # noqa: PLC0415

    return run_comparison(comparison, execution_of(on), progress_of(progress), replicates=replicates)


def audit_veil(
    settings: "AuditSettings", *, on: "str | ExecutionSettings" = "auto", progress: Say | None = None
) -> "AuditSummary":
    """Attack a veil on the owner's own images, and write report and signed certificate, inside the perimeter.

    Args:
        settings: footage, key, veil and budget.
        on: where attacks are made; takes `cpus`.
        progress: is given lines.

    Raises:
        OptionError: if the footage is too little.
        KeyFileError: if the key cannot sign.
    """
    from raypp.audit.run import run_audit  # noqa: PLC0415

    return run_audit(settings, execution_of(on), progress_of(progress))


def verify_certificate(
    certificate: str | Path,
    *,
    fingerprint: str | None = None,
    archive: str | Path | None = None,
    data_key: str | Path | None = None,
) -> "Certificate":
    """Check the signature and the verdict of an audit's certificate; needs no veil key.

    Args:
        certificate: its file.
        fingerprint: 16 hex digits of the owner's key, which must have signed; None for any signer.
        archive: whose veil and key it must be of; None for any.
        data_key: data key of an encrypted archive: its file, or the URL of its source.

    Raises:
        CertificateError: if it was altered or contradicts itself, or is of another key or veil.
        ShardError: if the archive cannot be read, or its own signature does not hold.
        OptionError: if the fingerprint is none.
    """
    from raypp.audit.verdict.vouched import verify_vouched  # noqa: PLC0415
    from raypp.shards.store import Store  # noqa: PLC0415

    encryption = data_key_of(data_key)
    store = None if archive is None else Store(str(archive), encryption)
    return verify_vouched(Path(certificate), fingerprint, store)


def join_audits(
    audits: "str | Path | Sequence[str | Path]",
    cost: str | Path,
    out: str | Path,
    *,
    fits: "str | Path | Sequence[str | Path]" = (),
) -> "Frontier":
    """Set what veils cost against what they show: a comparison joined with audits by veil_id.

    Args:
        audits: folders of audits, or certificates, one for each veil; one of them, or several.
        cost: folder of the comparison, with plain images and the same veils.
        out: folder for frontier.md and frontier.png.
        fits: folders of finished fits, whose veils stand there before anybody trains outside.

    Raises:
        CertificateError: if a certificate cannot be read, or was altered.
        OptionError: if plain images were not compared, nothing was both compared and audited, or a fit is none.
        ConflictError: if rows are of several schedules or datasets, or fits of other images than those.
        ModelError: if a fit's detector cannot be read.
    """
    from raypp.frontier.run import run_frontier  # noqa: PLC0415

    return run_frontier(list(map(Path, places_of(audits))), Path(cost), Path(out), list(map(Path, places_of(fits))))
