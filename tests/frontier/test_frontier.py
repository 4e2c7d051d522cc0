"""Utility against leakage: what was compared and what was audited meet by veil."""

from pathlib import Path

import pytest

from raypp.audit.core.model import Adversary
from raypp.audit.verdict.certificate import sign
from raypp.compare.arm import ArmRow, ComparisonSchedule, ObscuredFigures
from raypp.compare.arm_names import parse_arm
from raypp.errors import ConflictError, OptionError
from raypp.frontier.drawing import draw_frontier, to_markdown
from raypp.frontier.points import join_frontier
from tests.audit.rows import FAILED, KEY, SPEC, certificate, pairs, reconstruct
from tests.command import succeed
from tests.frontier.arm_rows import arm_row


def _other(name: str, map50: float, size: int = 320) -> ArmRow:
    figures = ObscuredFigures(frames=10, jpeg_bytes=20_000, source_bytes=100_000)
    row = arm_row(name, map50, schedule=ComparisonSchedule(size=size, epochs=12))
    return row.model_copy(update={"arm": parse_arm(name, 0), "obscured": figures})


def _audit() -> list:
    rows = [
        reconstruct(detail=0.05, worst=0.2),
        reconstruct("key recovery", detail=0.08, worst=0.1),
        reconstruct("pixels", detail=0.9, target="pixelation 8"),
        pairs(1, 0.3),
        pairs(6, 0.5),
    ]
    return [certificate(rows)]


def test_each_adversarys_strongest_attack_stands_beside_what_the_veil_costs():
    veil_id = KEY.veil_id(SPEC)
    rows = [
        arm_row("plain", 0.8),
        arm_row("plain", 0.6, seed=1),
        arm_row("mine", 0.55, veil_id),
        arm_row("mine", 0.57, veil_id, 1),
    ]
    frontier = join_frontier([*rows, arm_row("other", 0.7, "f" * 32)], _audit(), "cost")
    assert frontier.plain_map50 == pytest.approx(0.7)
    (point,) = frontier.points
    assert (point.name, point.seeds, point.map50) == ("mine", 2, pytest.approx(0.56))
    assert point.loss == pytest.approx(0.2)
    assert (point.shown[Adversary.CIPHERTEXT_ONLY].attack, point.shown[Adversary.CIPHERTEXT_ONLY].mean) == (
        "key recovery",
        0.08,
    )
    assert point.shown[Adversary.KNOWN_PLAINTEXT].mean == 0.5
    assert Adversary.INSIDER not in point.shown
    assert "| mine | 0.560 | 0.280 | 20.0 % | 4.0 |  | 0.08 (0.10), key recovery |" in to_markdown(frontier)


def test_other_ways_to_hide_meet_what_audits_made_of_the_same_at_the_same_size():
    rows = [
        arm_row("plain", 0.8, schedule=ComparisonSchedule(size=320, epochs=12)),
        _other("pixelation-8", 0.6),
        _other("blur-8", 1),
    ]
    shown = certificate([reconstruct(), reconstruct("stronger", detail=0.95, target="pixelation 8")], budget="standard")
    frontier = join_frontier(rows, [*_audit(), shown, shown.model_copy(update={"size": 640})], "cost")
    (point,) = frontier.points
    assert (point.name, point.veil_id, point.bytes_per_frame) == ("pixelation-8", None, 2000)
    assert point.loss == pytest.approx(0.25)
    assert (point.shown[Adversary.CIPHERTEXT_ONLY].attack, point.budget) == ("stronger", "quick, standard")
    assert frontier.left_out == ("blur-8",)
    elsewhere = [arm_row("plain", 0.8), _other("pixelation-8", 0.6, size=256)]
    with pytest.raises(OptionError, match="no veil of cost is that of an audit"):
        join_frontier(elsewhere, _audit(), "cost")


def test_what_does_not_compare_is_refused():
    veil_id = KEY.veil_id(SPEC)
    with pytest.raises(OptionError, match="cost has no row of plain images"):
        join_frontier([arm_row("mine", 0.5, veil_id)], _audit(), "cost")
    with pytest.raises(OptionError, match="no veil of cost is that of an audit"):
        join_frontier([arm_row("plain", 0.5), arm_row("mine", 0.5, "f" * 32)], _audit(), "cost")
    with pytest.raises(ConflictError, match="several veils are called mine"):
        others = [certificate([reconstruct()], veil_id="f" * 32)]
        rows = [arm_row("mine", 0.5, veil_id), arm_row("mine", 0.5, "f" * 32)]
        join_frontier([arm_row("plain", 0.5), *rows], [*_audit(), *others], "cost")
    longer = ComparisonSchedule(size=256, epochs=24)
    with pytest.raises(ConflictError, match="several schedules"):
        join_frontier([arm_row("plain", 0.5), arm_row("mine", 0.5, veil_id, schedule=longer)], _audit(), "cost")


def test_the_command_writes_table_and_image(tmp_path: Path):
    (tmp_path / "cost" / "rows").mkdir(parents=True)
    for row in (arm_row("plain", 0.8), arm_row("mine", 0.5, KEY.veil_id(SPEC)), _other("blur-8", 0.4, size=256)):
        (tmp_path / "cost" / "rows" / f"{row.row_id}.json").write_text(row.model_dump_json())
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "certificate.json").write_bytes(sign(_audit()[0], KEY))
    done = succeed(
        "frontier", tmp_path, "--cost", tmp_path / "cost", "--out", tmp_path / "out", "--json", tmp_path / "f.json"
    )
    assert "| mine | 0.500 |" in done.stderr
    assert "left out      blur-8: in none of these audits" in done.stderr
    assert (tmp_path / "out" / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "frontier.md").read_text() in done.stderr


def test_what_no_attack_was_evaluated_on_is_in_the_table_alone(tmp_path: Path):
    failed = certificate([reconstruct(control=FAILED)])
    frontier = join_frontier([arm_row("plain", 0.8), arm_row("mine", 0.5, failed.veil_id)], [failed], "cost")
    draw_frontier(frontier, tmp_path / "frontier.png")
    assert "| mine | 0.500 | 0.250 | 37.5 % | 4.0 |  |  |  |  |" in to_markdown(frontier)
