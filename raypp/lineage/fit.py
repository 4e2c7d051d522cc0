"""The fit that made a learned veil, as a node of a lineage."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from raypp.detect.bundle_header import read_index
from raypp.errors import ModelError
from raypp.fit.card import read_card
from raypp.fit.settings import FitSettings
from raypp.lineage.model import sha256_of
from raypp.lineage.node import LineageKind, LineageNode
from raypp.veil.encoder_file import START_FILE

_SETTINGS_FILE = "fit.json"


@dataclass(frozen=True)
class TracedFit:
    """A finished fit.

    Attributes:
        node: what is told of it.
        start_sha256: of the detector that it left.
        veil_id: of the veil that it made.
    """

    node: LineageNode
    start_sha256: str
    veil_id: str


def read_fit(folder: Path, *, inside: bool) -> TracedFit:
    """Read the folder of a fit.

    Args:
        folder: that `raypp fit` wrote.
        inside: whether its dataset may be named.

    Raises:
        ModelError: if it is no folder of a finished fit.
    """
    start = folder / START_FILE
    try:
        settings = FitSettings.model_validate_json((folder / _SETTINGS_FILE).read_bytes())
        header, digest = read_index(start).header, sha256_of(start)
    except (OSError, ValidationError):
        raise ModelError(f"{folder} is no folder of a finished fit; give the one that `raypp fit` wrote") from None
    began = settings.warm_start or settings.weights
    facts = {
        "encoder": str(header.info.spec.get("encoder", "")),
        "started from": f"{began.name}{' (warm start)' if settings.warm_start else ''}" if began else "nothing",
        "epochs": str(settings.epochs),
        "seed": str(settings.seed),
    }
    if card := read_card(folder):
        facts |= {"images": str(card.images), "mAP50": f"{card.map50:.3f}"}
    if inside:
        facts["data"] = str(settings.data)
    at_us = start.stat().st_mtime_ns // 1000
    node = LineageNode(kind=LineageKind.FIT, name=digest, facts=facts, at_us=at_us)
    return TracedFit(node, digest, header.info.veil_id)
