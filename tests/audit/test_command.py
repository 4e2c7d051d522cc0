"""`raypp audit` from films to a certificate: every attack leaves its row, and a rerun repeats nothing."""

import json
from pathlib import Path

import pytest

from raypp.audit.certificate import verify_certificate
from raypp.audit.gates import Verdict
from raypp.demo.sample import make_sample
from tests.command import raypp, succeed

_SIZE = ("--size", 320, "--budget", "quick", "--here")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    make_sample(folder / "in", seed=5, sites=2, cameras=2, seconds=8, fps=4, size=(320, 192))
    succeed("keygen", "--out", folder / "owner.key")
    done = succeed(
        "audit", folder / "in" / "inventory.csv", "--key", folder / "owner.key", "--out", folder / "out", *_SIZE,
        "--json", folder / "summary.json",
    )  # fmt: skip
    (folder / "said").write_text(done.stderr)
    return folder


def test_every_attack_leaves_a_row_and_the_certificate_verifies(place: Path) -> None:
    summary = json.loads((place / "summary.json").read_text())
    assert len(summary["rows"]) == len(list((place / "out" / "rows").glob("*.json"))) == 30
    certificate = verify_certificate(place / "out" / "certificate.json")
    assert [row.model_dump(mode="json") for row in certificate.rows] == summary["rows"]
    assert "verified: signed by that key" in succeed("verify", place / "out" / "certificate.json").stderr
    assert (place / "out" / "report.html").stat().st_size > 50_000
    assert (place / "owner.key").read_text() not in (place / "out" / "certificate.json").read_text()


def test_weak_veils_are_opened_noise_is_not_and_the_veil_holds(place: Path) -> None:
    rows = {(row.veiling, row.attack): row for row in verify_certificate(place / "out" / "certificate.json").rows}
    for (veiling, attack), row in rows.items():
        assert row.control is None or row.control.passed, row
        if row.detail is None or row.edges is None:
            continue
        if veiling == "noise":
            assert max(row.detail.mean, row.edges.mean) < 0.05, attack
        if veiling == "linear mix, patch 8" and "pair" in attack:
            assert row.detail.mean > 0.8
    assert rows["this veil", "ridge, 6 pairs"].detail.mean < 0.25
    gates = verify_certificate(place / "out" / "certificate.json").gates
    assert [gate.verdict for gate in gates[:2]] == [Verdict.MET, Verdict.MET], gates


def test_run_again_only_what_is_missing_is_done(place: Path) -> None:
    rows = sorted((place / "out" / "rows").glob("*.json"))
    before = {path: path.stat().st_mtime_ns for path in rows}
    rows[3].unlink()
    options = ("audit", place / "in" / "inventory.csv", "--key", place / "owner.key", "--out", place / "out", *_SIZE)
    plan = succeed(*options, "--dry-run").stderr
    assert (plan.count("would be made"), plan.count("has its row")) == (1, 29)
    succeed(*options)
    after = {path: path.stat().st_mtime_ns for path in rows}
    assert [path for path in rows if before[path] != after[path]] == [rows[3]]


def test_bad_input_is_one_line(place: Path, tmp_path: Path) -> None:
    films, key = place / "in" / "inventory.csv", place / "owner.key"
    succeed("keygen", "--site", "a", "--camera", "b", "--key", key, "--out", tmp_path / "site.key")
    (tmp_path / "empty").mkdir()
    for options, words in (
        ((films, "--key", key, "--size", 100), "--size 100 must be a multiple of 32"),
        ((films, "--key", tmp_path / "site.key", *_SIZE), "which cannot sign; give the owner's key"),
        ((tmp_path / "empty", "--key", key, *_SIZE), "no video and no picture"),
    ):
        done = raypp("audit", *options, "--out", tmp_path / "out")
        assert done.returncode == 1, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
