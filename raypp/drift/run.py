"""Making a reference, and checking against it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raypp.drift.archive_profiles import PeriodSampling, archive_profiles
from raypp.drift.ledger_profiles import DetectionSource, ledger_profiles
from raypp.drift.profile import Profile, Subject
from raypp.drift.reference import LEAST_PERIODS, SubjectReference
from raypp.drift.reference_file import Reference, read_reference, write_reference
from raypp.drift.report import DriftReport, camera_drift
from raypp.drift.verdict import judge
from raypp.errors import OptionError
from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader
from raypp.text.wording import counted


@dataclass(frozen=True)
class Checked:
    """Frames and detections that are checked, or are a reference.

    Attributes:
        archives: folders or URLs of veiled archives.
        detections: days of a site's detections; None: none.
        camera: only this one; None: all.
        data_key: of encrypted archives.
    """

    archives: tuple[str, ...] = ()
    detections: DetectionSource | None = None
    camera: str | None = None
    data_key: DataKey | None = None


def make_reference(
    source: Checked, out: Path, sampling: PeriodSampling, least_confidence: float
) -> tuple[Reference, list[str], int]:
    """Learn what quiet periods are like, and write it to a file.

    Args:
        source: quiet periods, such as the archive that a detector was trained on.
        out: the file.
        sampling: how frames are cut into periods and counted.
        least_confidence: detections below are left out.

    Returns:
        the reference; what has too few periods, a line each; the file's bytes.

    Raises:
        OptionError: if no camera has `LEAST_PERIODS` periods, archives are of several veils, or `out` cannot be
            written.
        ShardError, LedgerError: if they cannot be read.
    """
    profiles, veil_id = _profiles(source, sampling, least_confidence, None)
    grouped: dict[Subject, list[Profile]] = defaultdict(list)
    for profile in profiles:
        grouped[profile.subject].append(profile)
    few = [
        f"{_named(subject)} has {counted(len(own), sampling.period.value)}, and {LEAST_PERIODS} are needed"
        for subject, own in grouped.items()
        if len(own) < LEAST_PERIODS
    ]
    subjects = {s: SubjectReference.of(own) for s, own in sorted(grouped.items()) if len(own) >= LEAST_PERIODS}
    if not subjects:
        reason = few[0] if few else "there are no frames"
        raise OptionError(f"no reference can be made: {reason}; give more days, or `period` hour or source")
    reference = Reference(sampling, least_confidence, veil_id, subjects)
    return reference, few, write_reference(out, reference)


def check_drift(path: Path, source: Checked, alpha: float) -> DriftReport:
    """Check codes and detections against a reference.

    Args:
        path: file of the reference.
        source: what is checked.
        alpha: chance of any false alarm among all that is checked.

    Raises:
        OptionError: if the file is no reference, an archive is of another veil, or there is nothing to check.
        ShardError, LedgerError: if archives or the ledger cannot be read.
    """
    reference = read_reference(path)
    profiles, _ = _profiles(source, reference.sampling, reference.least_confidence, reference.veil_id)
    if not profiles:
        raise OptionError("there are no frames to check; give an archive, or days of a ledger that has some")
    known = [profile for profile in profiles if profile.subject in reference.subjects]
    unknown = sorted({profile.subject for profile in profiles} - reference.subjects.keys())
    verdicts = judge(reference.subjects, known, alpha)
    return DriftReport(
        alpha=alpha,
        reference_periods=sum(len(subject.periods) for subject in reference.subjects.values()),
        checked=[camera_drift(verdict) for verdict in verdicts],
        not_judged=[f"{_named(subject)} is not in the reference" for subject in unknown],
    )


def _profiles(
    source: Checked, sampling: PeriodSampling, least_confidence: float, veil_id: str | None
) -> tuple[list[Profile], str]:
    profiles: list[Profile] = []
    veils = {veil_id} if veil_id else set()
    for archive in source.archives:
        reader = ShardReader(archive, source.data_key)
        veils.add(reader.header.veil_id)
        if len(veils) > 1:
            raise OptionError(
                f"archive {archive} is of veil {reader.header.veil_id}, the others or the reference of "
                f"{min(veils - {reader.header.veil_id})}; codes of different veils cannot be compared"
            )
        profiles += archive_profiles(reader, sampling, source.camera)
    if source.detections is not None:
        profiles += ledger_profiles(source.detections, source.camera, sampling, least_confidence)
    return _without_repeats(profiles), min(veils, default="")


def _without_repeats(profiles: Sequence[Profile]) -> list[Profile]:
    """Refuse a period that two archives have: what is counted twice weighs twice."""
    before: set[tuple[Subject, str]] = set()
    for profile in profiles:
        key = profile.subject, profile.period
        if key in before:
            raise OptionError(f"{_named(profile.subject)} has {profile.period} in two archives; give one of them")
        before.add(key)
    return list(profiles)


def _named(subject: Subject) -> str:
    under = f"sub-key {subject.under}" if subject.kind.value == "codes" else f"model {subject.under[:8]}"
    return f"{subject.site}/{subject.camera} ({subject.kind.value}, {under})"
