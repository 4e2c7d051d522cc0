"""The curve over the number of known pairs."""

from pathlib import Path

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary
from raypp.audit.report.curve import lines_of
from tests.audit.rows import FAILED, VEIL, certificate, match, pairs, recognised, reconstruct
from tests.audit.test_report import show


def test_lines_hold_the_best_attack_for_each_number_of_pairs() -> None:
    rows = [
        pairs(6, 0.5, "blur"),
        pairs(6, 0.2),
        pairs(1, 0.1),
        pairs(6, 0.3, method="perceptron"),
        pairs(100, 0.9, control=FAILED),
        reconstruct(AttackId(family="view", pairs=6), 0.9),
        match(AttackId(family="by activity", pairs=6), adversary=Adversary.KNOWN_PLAINTEXT),
    ]
    veil, other = lines_of(rows)
    assert (veil.target, veil.is_veil, veil.points) == (VEIL, True, ((1, 0.1), (6, 0.3)))
    assert (other.target, other.is_veil, other.points) == ("blur", False, ((6, 0.5),))


def test_the_curve_rises_with_leakage_and_stays_in_its_frame(tmp_path: Path) -> None:
    rows = [pairs(1, -3.0, edges=-3.0), pairs(10, 0.5), pairs(100, 7.0), pairs(6, 0.4, "blur")]
    page = show(tmp_path, certificate(rows))
    lines = [[tuple(map(float, at.split(","))) for at in points.split()] for points in page.values("points")]
    assert sorted(map(len, lines)) == [1, 3]
    (single, ten, hundred) = max(lines, key=len)
    assert single[0] < ten[0] < hundred[0] < 760
    assert 300 > single[1] > ten[1] > hundred[1] > 0


def test_the_curve_says_with_how_many_pairs_each_threshold_is_broken(tmp_path: Path) -> None:
    rows = [reconstruct("view", 0.05, worst=0.3), pairs(1, 0.05), pairs(1000, 0.5, recognised=recognised(read=5))]
    text = show(tmp_path, certificate(rows)).text
    assert "Leakage, worst 5 %: broken without any pair (0.300, view)." in text
    assert "Leakage, mean: broken by 1,000 known pairs (0.500, ridge, 1000 pairs)." in text
    assert "Text read: broken by 1,000 known pairs (0.250, ridge, 1000 pairs)." in text
    assert "Faces found: holds against 1,000 known pairs, the most that were tried (0.000)." in text


def test_without_pairs_there_is_no_curve(tmp_path: Path) -> None:
    page = show(tmp_path, certificate([reconstruct()]))
    assert "svg" not in page.tags
    assert "broken by" not in page.text
