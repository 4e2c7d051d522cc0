"""Bounds of an audit, which take as long as an attack: computed once, and kept beside the rows."""

import hashlib
import json
from contextlib import suppress

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.audit.bounds import bounds_on
from raypp.audit.coding.ceiling import ceiling_on
from raypp.audit.core.code import code_digest
from raypp.audit.lab import Lab
from raypp.audit.metrics.silhouettes import silhouettes_on
from raypp.audit.tasks import PLACES
from raypp.io.private import write_private
from raypp.progress import Progress

_FILE = "bounds.json"


class _KeptBounds(BaseModel):
    """Figures by name, and the digest of all that they depend on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    figures: dict[str, float]


def read_or_compute_bounds(lab: Lab, progress: Progress) -> dict[str, float]:
    """Return the figures that follow without any attack; those of an earlier run of the same audit are read.

    What could not be computed, such as for want of a codec, is tried again by the next run.

    Args:
        lab: the audit's.
        progress: is told how far it is, and of figures that cannot be computed.
    """
    path, of = lab.settings.out / _FILE, _digest(lab)
    with suppress(FileNotFoundError, ValidationError):
        kept = _KeptBounds.model_validate_json(path.read_bytes())
        if kept.of == of:
            return kept.figures
    lacking: list[str] = []
    with progress.task("bounds", 3) as advance:
        figures = bounds_on(lab.veil, lab.evidence, lacking.append)
        advance(1, "", 0)
        figures |= ceiling_on(lab.veil, lab.evidence, lab.blind, lacking.append)
        advance(1, "", 0)
        figures |= silhouettes_on(lab.evidence, lab.blind)
        advance(1, "", 0)
    for line in lacking:
        progress.say(line)
    if not lacking:
        write_private(path, _KeptBounds(of=of, figures=figures).model_dump_json(indent=1).encode())
    return figures


def _digest(lab: Lab) -> str:
    parts = [lab.settings.model_dump_json(exclude=PLACES), lab.veil.veil_id, lab.evidence.digest, code_digest()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
