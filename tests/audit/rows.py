"""Rows and certificates as an audit makes them, with figures that tests choose."""

from collections.abc import Sequence
from typing import Any

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary
from raypp.audit.core.recognised import FaceFigures, Planted, Recognised, TextFigures, Verification
from raypp.audit.core.row import (
    AttackRow,
    Control,
    DecideRow,
    Demand,
    Estimate,
    MatchRow,
    ReconstructFigures,
    ReconstructRow,
)
from raypp.audit.verdict.assumptions import BITS_PER_CELL, BITS_PER_PIXEL, KB_PER_FRAME
from raypp.audit.verdict.canonical import to_base64
from raypp.audit.verdict.certificate import ASSUMPTIONS, Certificate, ImageCounts, judge_gates
from raypp.audit.verdict.gates import LABELS_ONLY
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec

KEY = VeilKey(bytes((7 * i + 201) % 256 for i in range(32)))
SPEC = PatchSpec()
VEIL = "this veil"


def control(psnr_db: float = 31.5, detail: float = 0.95) -> Control:
    demands = (Demand(score="detail", required=0.9, got=detail), Demand(score="psnr_db", required=20.0, got=psnr_db))
    return Control(on="linear mix", demands=demands)


def named(attack: str | AttackId) -> AttackId:
    return AttackId(family=attack) if isinstance(attack, str) else attack


PASSED, FAILED = control(), control(psnr_db=12.25)


def estimate(mean: float, worst: float | None = None, spread: float = 0.01) -> Estimate:
    low, high = round(mean - spread, 6), round(mean + spread, 6)
    return Estimate(mean=mean, low=low, high=high, worst=mean if worst is None else worst)


def recognised(
    faces_found: int = 0, read: int = 0, auc: float = 0.5, spread: float = 0.04, **changes: Any
) -> Recognised:
    verification = Verification(people=150, auc=auc, low=auc - spread, high=auc + spread)
    return Recognised(
        faces=FaceFigures(faces=200, found=faces_found, anywhere=faces_found + 1, verification=verification),
        text=TextFigures(planted=(Planted(height=0.25, words=8, read=read), Planted(height=0.125, words=12, read=0))),
    ).model_copy(update=changes)


def reconstruct(
    attack: str | AttackId = "component view",
    detail: float = 0.05,
    edges: float = 0.02,
    worst: float | None = None,
    target: str = VEIL,
    **changes: Any,
) -> ReconstructRow:
    row = ReconstructRow(
        target=target,
        is_veil=target == VEIL,
        attack=named(attack),
        adversary=Adversary.CIPHERTEXT_ONLY,
        knowledge="Veiled frames only.",
        images=16,
        detail=estimate(detail, worst),
        edges=estimate(edges),
        psnr_db=estimate(11.5, 14.0),
        ssim=estimate(0.25),
        blind_psnr_db=12.75,
        recognised=recognised(),
        control=PASSED,
        seconds=2.5,
    )
    return row.model_copy(update=changes)


def pairs(number: int, detail: float, target: str = VEIL, method: str = "ridge", **changes: Any) -> ReconstructRow:
    return reconstruct(
        AttackId(family=method, pairs=number),
        detail,
        target=target,
        adversary=Adversary.KNOWN_PLAINTEXT,
        knowledge="Known pairs.",
        **changes,
    )


def match(attack: str | AttackId = "by activity", top1: float = 0.125, target: str = VEIL, **changes: Any) -> MatchRow:
    row = MatchRow(
        target=target,
        is_veil=target == VEIL,
        attack=named(attack),
        adversary=Adversary.CIPHERTEXT_ONLY,
        knowledge="Veiled frames, and plain images to choose among.",
        images=16,
        top1=estimate(top1, 1.0, 0.0625),
        candidates=16,
        control=Control(on="linear mix", demands=(Demand(score="top1", required=0.75, got=1.0),)),
        seconds=0.5,
    )
    return row.model_copy(update=changes)


def decide(attack: str | AttackId = "by loss", auc: float = 0.55, target: str = VEIL, **changes: Any) -> DecideRow:
    row = DecideRow(
        target=target,
        is_veil=target == VEIL,
        attack=named(attack),
        adversary=Adversary.INSIDER,
        knowledge="Veiled frames and the detector.",
        images=64,
        auc=estimate(auc, 0.75, 0.0625),
        control=Control(on="overfitted", demands=(Demand(score="auc", required=0.8, got=0.96),)),
        seconds=3.5,
    )
    return row.model_copy(update=changes)


def labels_only(top1: float, candidates: int = 16) -> MatchRow:
    return match(LABELS_ONLY, top1, control=None, candidates=candidates)


def certificate(rows: Sequence[AttackRow] | None = None, key: VeilKey = KEY, **changes: Any) -> Certificate:
    rows_made = tuple(
        rows
        or (
            *(reconstruct(), pairs(1, 0.06), pairs(6, 0.2), match(), labels_only(0.25)),
            reconstruct(target="pixelation 16", detail=0.5),
        )
    )
    body = Certificate(
        veil_id=key.veil_id(SPEC),
        spec=SPEC.model_dump(),
        key_fingerprint=key.fingerprint,
        public_key=to_base64(key.public_key),
        raypp_version="0.1.0",
        made_at="2026-03-02T14:03:07+00:00",
        budget="quick",
        size=320,
        images=ImageCounts(known=12, victims=16, passed_by=0),
        data_digest="0d" * 32,
        code_digest="c0" * 32,
        assumptions=ASSUMPTIONS,
        bounds={BITS_PER_CELL: 48.0, BITS_PER_PIXEL: 0.75, KB_PER_FRAME: 5.76},
        rows=rows_made,
        gates=judge_gates(rows_made),
    )
    return body.model_copy(update=changes)


def under_keys(row: ReconstructRow, *details: float) -> ReconstructRow:
    """A reconstruction that found so much of the detail under other keys, and all else the same."""
    figures = {"edges": row.edges, "recognised": row.recognised}
    return row.model_copy(
        update={"other_keys": tuple(ReconstructFigures(detail=estimate(detail), **figures) for detail in details)}
    )
