"""What as many bits could show stands beside what attacks found, and says no more than was measured."""

from pathlib import Path

from raypp.audit.core.model import Adversary
from raypp.audit.report.page import write_audit_report
from raypp.audit.verdict.assumptions import (
    CEILING_DETAIL,
    CEILING_DETAIL_WORST,
    CODED_BITS,
    CODED_BITS_PER_PIXEL,
    SILHOUETTES_DETAIL,
    SILHOUETTES_WORST,
    TONED_DETAIL,
    TONED_WORST,
)
from raypp.audit.verdict.certificate import sign, verify_certificate
from raypp.audit.verdict.headline import yardstick
from tests.audit.rows import FAILED, KEY, certificate, pairs, reconstruct

BITS = {CODED_BITS: 16523.0, CODED_BITS_PER_PIXEL: 0.252}
CEILING = {CEILING_DETAIL: 0.724, CEILING_DETAIL_WORST: 0.968}
OUTLINES = {SILHOUETTES_DETAIL: 0.013, SILHOUETTES_WORST: 0.156, TONED_DETAIL: 0.04, TONED_WORST: 0.18}
ROWS = [
    reconstruct(detail=0.05, worst=0.2),
    reconstruct("feature bridge, linear", 0.04, worst=0.3, adversary=Adversary.INSIDER),
    reconstruct("statistics", 0.9, control=FAILED),
    reconstruct("inversion", 0.8, adversary=Adversary.WHITE_BOX),
    reconstruct(target="pixelation 16", detail=0.5),
    pairs(6, 0.7),
]


def test_the_report_says_it_beside_what_was_found_without_pair_or_key(tmp_path: Path) -> None:
    stated = certificate(ROWS, bounds=BITS | CEILING | OUTLINES)
    text = write_audit_report(tmp_path, stated, None).read_text()
    assert (
        "A veiled frame takes 16,523 bits, 0.25 a pixel. In as many, an image codec shows 0.72 of the detail (worst 5 "
        "%: 0.97). Attacks without pair or key found 0.05 (0.30). Outlines of labelled things alone show 0.01 (0.16), "
        "in their own tones 0.04 (0.18)."
    ) in text
    assert "codec ceiling, detail, worst 5 %" in text
    assert "16,523" in text
    path = tmp_path / "certificate.json"
    path.write_bytes(sign(stated, KEY))
    assert verify_certificate(path).bounds == stated.bounds


def test_what_was_not_measured_is_left_out() -> None:
    assert yardstick(BITS, [pairs(6, 0.7)]) == ["A veiled frame takes 16,523 bits, 0.25 a pixel."]
    (without,) = yardstick(BITS | CEILING, [pairs(6, 0.7)])
    assert without.endswith("(worst 5 %: 0.97).")
    assert yardstick({}, ROWS) == []
    (outlines,) = yardstick(OUTLINES, [pairs(6, 0.7)])
    assert outlines.startswith("Outlines of labelled things alone show 0.01 (0.16)")
