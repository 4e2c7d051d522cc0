"""The file of a reference: histograms and distances, and no frame; NumPy's format, without pickled objects."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from raypp.drift.archive_profiles import PeriodSampling
from raypp.drift.period_kind import PeriodKind
from raypp.drift.profile import ProfileKind, Subject
from raypp.drift.reference import SubjectReference
from raypp.errors import ContentError, OptionError
from raypp.io.atomic import write_bytes
from raypp.io.content import read_content
from raypp.io.zip_content import UNREADABLE_ZIP

FORMAT = 1
_MOST_BYTES = 1 << 28
_HEADER = "header"


@dataclass(frozen=True, eq=False)
class Reference:
    """All that a check needs of the quiet periods.

    Attributes:
        sampling: how frames were cut and counted; a check does the same.
        least_confidence: detections below were left out.
        veil_id: of the archives; empty without any.
        subjects: by subject.
    """

    sampling: PeriodSampling
    least_confidence: float
    veil_id: str
    subjects: Mapping[Subject, SubjectReference]


def write_reference(path: Path, reference: Reference) -> int:
    """Write a reference whole or not at all; return its bytes. Raises OptionError where it cannot be written."""
    arrays: dict[str, Any] = {}
    listed = []
    for number, subject in enumerate(reference.subjects.values()):
        listed.append({**asdict(subject.subject), "periods": subject.periods, "classes": subject.classes})
        arrays |= {f"{number}/table/{name}": table.astype(np.float16) for name, table in subject.tables.items()}
        arrays |= {f"{number}/logs/{name}": logs for name, logs in subject.logs.items()}
        arrays[f"{number}/blocks"] = subject.block_logs
    header = {
        "format": FORMAT,
        "period": reference.sampling.period.value,
        "frames": reference.sampling.frames,
        "time_zone": reference.sampling.zone.key,
        "least_confidence": reference.least_confidence,
        "veil_id": reference.veil_id,
        "subjects": listed,
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{_HEADER: np.array(json.dumps(header))}, **arrays)  # type: ignore[arg-type]
    try:
        write_bytes(path, buffer.getvalue())
    except OSError as error:
        raise OptionError(f"`out` {path}: {error.strerror}; name a file you may write") from None
    return len(buffer.getvalue())


def read_reference(path: Path) -> Reference:
    """Read a reference; raises OptionError for a file that is none."""
    try:
        content = read_content(path, _MOST_BYTES)
    except ContentError as error:
        raise OptionError(f"reference {path} {error}; give a file of `raypp drift reference`") from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            header = json.loads(str(arrays[_HEADER]))
            if header["format"] != FORMAT:
                raise OptionError(
                    f"reference {path} has format {header['format']}, this raypp reads {FORMAT}; make it again"
                )
            subjects = [_subject(number, about, arrays) for number, about in enumerate(header["subjects"])]
        sampling = PeriodSampling(PeriodKind(header["period"]), int(header["frames"]), ZoneInfo(header["time_zone"]))
        by_subject = {each.subject: each for each in subjects}
        return Reference(sampling, float(header["least_confidence"]), str(header["veil_id"]), by_subject)
    except (*UNREADABLE_ZIP, KeyError, TypeError, OSError):  # the last: of methods that NumPy does not write
        raise OptionError(f"{path} is no reference of drift, or damaged; make it by `raypp drift reference`") from None


def _subject(number: int, about: Mapping[str, Any], arrays: Any) -> SubjectReference:
    def group(kind: str) -> dict[str, Any]:
        start = f"{number}/{kind}/"
        return {name[len(start) :]: arrays[name].astype(np.float32) for name in arrays.files if name.startswith(start)}

    names = about["site"], about["camera"], ProfileKind(about["kind"]), about["under"]
    subject = Subject(*names, int(about["rows"]), int(about["columns"]))
    tables, logs = group("table"), group("logs")
    if any(len(values) != len(about["periods"]) for values in logs.values()):
        raise ValueError("periods")
    blocks = arrays[f"{number}/blocks"].astype(np.float64)
    return SubjectReference(subject, tuple(about["periods"]), tables, logs, blocks, tuple(about["classes"]))
