"""`raypp audit` from videos to a certificate: every attack leaves its row, and a rerun repeats nothing."""

import hashlib
import json
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raypp import execution
from raypp.audit import lab as laboratory
from raypp.audit import settings as auditing
from raypp.audit.attacks.reconstruct.bridge import FeatureBridge
from raypp.audit.attacks.reconstruct.many_keys import ManyKeys
from raypp.audit.attacks.reconstruct.unet import UNet
from raypp.audit.core.adversary_name import AdversaryName
from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Adversary
from raypp.audit.core.row import DecideRow, ReconstructRow
from raypp.audit.footage import evidence
from raypp.audit.metrics import measure as measuring
from raypp.audit.settings import AuditSettings
from raypp.audit.suite.suite import Suite, suite
from raypp.audit.tasks import AttackTask, attack_here, tasks
from raypp.audit.verdict.certificate import verify_certificate
from raypp.audit.verdict.gates import Verdict
from raypp.cli.audit import audit as audit_command
from raypp.demo.workshop.sample import make_sample
from raypp.errors import KeyFileError, OptionError
from raypp.execution import ExecutionSettings, On
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import load_owner_key, save_owner_key, save_site_key
from raypp.veil.spec import PatchSpec
from tests.command import succeed

_QUICK = {"size": 320, "budget": Budget.QUICK, "on": On.LOCAL}
_SLOW_ATTACKS = (UNet, ManyKeys, FeatureBridge)
"""They learn for half a minute each: tested in their own files, and in a whole audit by the slow tests."""


def _light(budget: Budget, learned: bool = False, layers: int | None = None) -> Suite:
    chosen = suite(budget, learned, layers)
    return replace(
        chosen, planned=tuple(planned for planned in chosen.planned if not isinstance(planned.attack, _SLOW_ATTACKS))
    )


@pytest.fixture
def _light_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "suite", _light)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    make_sample(folder / "in", seed=5, sites=2, cameras=2, seconds=8, fps=4, size=(640, 384))
    save_owner_key(VeilKey(bytes(range(32))), folder / "owner.key")  # of 24 images, not every key meets every gate
    return folder


@pytest.fixture(scope="module")
def place(videos: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "suite", _light)
        sources = [str(videos / "in" / "inventory.csv")]
        audit_command(sources, videos / "out", videos / "owner.key", **_QUICK, json_file=videos / "summary.json")
    return videos


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_quick_audit_with_all_that_it_has(videos: Path) -> None:
    options = ("--size", 320, "--budget", "quick", "--on", "local", "--json", videos / "whole.json")
    key, out = videos / "owner.key", videos / "whole"
    succeed("audit", videos / "in" / "inventory.csv", "--key", key, "--out", out, *options, timeout=850)
    rows = verify_certificate(out / "public" / "certificate.json").rows
    networks = [row for row in rows if row.attack.family in {"network", "decoder for any key"}]
    assert len(networks) == 4
    assert all(row.evaluated for row in networks), networks


def test_every_attack_leaves_a_row_and_the_certificate_verifies(place: Path) -> None:
    summary = json.loads((place / "summary.json").read_text())
    assert (
        len(summary["rows"]) == len(list((place / "out" / "rows").glob("*.json"))) == len(_light(Budget.QUICK).pairs())
    )
    certificate = verify_certificate(place / "out" / "public" / "certificate.json")
    assert [row.model_dump(mode="json") for row in certificate.rows] == summary["rows"]
    assert "verified: signed by that key" in succeed("verify", place / "out" / "public" / "certificate.json").stderr
    assert (place / "out" / "report.html").stat().st_size > 50_000
    assert (place / "owner.key").read_text() not in (place / "out" / "public" / "certificate.json").read_text()


def test_what_may_be_handed_out_lies_apart_from_plain_images_and_nothing_is_open_to_others(place: Path) -> None:
    folder = place / "out"
    assert sorted(path.name for path in (folder / "public").iterdir()) == ["certificate.json", "report.html"]
    assert "data:image" in (folder / "report.html").read_text(), "the control"
    assert list((folder / "images").glob("*.png"))
    public = (folder / "public" / "report.html").read_text()
    assert "What attacks made of this veil" in public
    assert "data:image" not in public
    assert "Best reconstructions" not in public
    assert not [path for path in (folder, *folder.rglob("*")) if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_plain_images_are_never_written_into_an_archive(tmp_path: Path) -> None:
    (tmp_path / "veiled" / "shards").mkdir(parents=True)
    (tmp_path / "veiled" / "veil.json").write_text("{}")
    with pytest.raises(OptionError, match=r"lies within the archive .*veiled, and plain images would leave"):
        audit_command(["anything"], tmp_path / "veiled" / "audit")
    assert not (tmp_path / "veiled" / "audit").exists()


def test_weak_veils_are_opened_noise_is_not_and_the_veil_holds(place: Path) -> None:
    rows = {
        (row.target, row.attack.name): row
        for row in verify_certificate(place / "out" / "public" / "certificate.json").rows
    }
    for (target, attack), row in rows.items():
        assert row.control is None or row.control.passed, row
        if not isinstance(row, ReconstructRow) or row.detail is None or row.edges is None:
            continue
        if target == "noise":
            assert max(row.detail.mean, row.edges.mean) < 0.05, attack
        if target == "linear mix, patch 8" and row.attack.pairs:
            assert row.detail.mean > 0.75
    assert rows["this veil", "ridge, 6 pairs"].detail.mean < 0.25
    gates = verify_certificate(place / "out" / "public" / "certificate.json").gates
    assert [gate.verdict for gate in gates[:2]] == [Verdict.MET, Verdict.MET], gates


def test_a_patch_veil_is_tried_under_other_keys_and_a_learned_one_is_not(place: Path) -> None:
    rows = [
        row
        for row in verify_certificate(place / "out" / "public" / "certificate.json").rows
        if not isinstance(row, DecideRow) and row.other_keys
    ]
    tried = {row.attack.name: len(row.other_keys) for row in rows}
    assert tried == dict.fromkeys(("component view", "statistical key recovery", "activity of cells"), 4)
    assert all(row.is_veil for row in rows)
    assert len({figures.detail.mean for figures in rows[0].other_keys if figures.detail}) == 4
    gates = verify_certificate(place / "out" / "public" / "certificate.json").gates
    assert {gate.name: len(gate.over_keys) for gate in gates}["leakage, mean"] == 5
    learned = suite(Budget.STANDARD, learned=True)
    assert not any(learned.others(target, planned) for target, planned in learned.pairs())


@pytest.mark.usefixtures("_light_suite")
def test_run_again_only_what_is_missing_is_done(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sorted((place / "out" / "rows").glob("*.json"))
    bounds = place / "out" / "bounds.json"
    before = {path: path.stat().st_mtime_ns for path in (*rows, bounds)}
    rows[3].unlink()
    batches: list[list[str]] = []

    def cluster(tasks: Sequence[AttackTask], **_: ExecutionSettings) -> Iterator[str]:
        batches.append([task.row_id for task in tasks])
        return attack_here(tasks)

    monkeypatch.setitem(execution._PROVIDED, "audit", cluster)
    for _ in range(2):
        videos = [str(place / "in" / "inventory.csv")]
        audit_command(videos, place / "out", place / "owner.key", size=320, budget=Budget.QUICK, on=On.RAY)
    after = {path: path.stat().st_mtime_ns for path in (*rows, bounds)}
    assert [path for path in after if before[path] != after[path]] == [rows[3]], "and bounds are computed once"
    assert batches == [[rows[3].stem]], "the second time nothing is missing, and no cluster is started"
    begun = [line for line in capsys.readouterr().err.splitlines() if line.startswith("begins ")]
    assert len(begun) == 1
    assert begun[0].startswith(f"begins        {len(rows)} attacks on this veil and ")
    assert begun[0].endswith(f" controls, {len(rows) - 1} made before; Ray takes up to a minute to start")


@pytest.mark.usefixtures("_light_suite")
def test_images_are_digested_once_and_their_baseline_is_made_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            calls.append(name)
            return make(*given)

        return call

    laboratory.lab_of.cache_clear()
    monkeypatch.setattr(laboratory, "gather", counted("gather", laboratory.gather))
    monkeypatch.setattr(measuring, "blind_baseline", counted("baseline", measuring.blind_baseline))
    monkeypatch.setattr(evidence, "sha256", counted("digest", hashlib.sha256))
    settings = AuditSettings(
        sources=(str(place / "in" / "inventory.csv"),),
        out=place / "twice",
        key_path=place / "owner.key",
        spec=PatchSpec(),
        size=320,
        budget=Budget.QUICK,
    )
    wanted = [task for task in tasks(settings) if task.attack.name in {"component view", "ridge, 1 pair"}][:2]
    assert len(list(attack_here(wanted))) == 2
    assert sorted(calls) == ["baseline", "digest", "gather"]


@pytest.mark.usefixtures("_light_suite")
def test_attacks_of_chosen_adversaries_alone_are_made_and_the_certificate_says_whose_were_not(place: Path) -> None:
    sources, out = [str(place / "in" / "inventory.csv")], place / "chosen"
    shutil.copytree(place / "out", out)  # the same attacks, whoever is chosen: none is made again
    before = {path.name: path.stat().st_mtime_ns for path in (out / "rows").iterdir()}
    audit_command(sources, out, place / "owner.key", **_QUICK, adversary=[AdversaryName.CIPHERTEXT_ONLY])
    assert {path.name: path.stat().st_mtime_ns for path in (out / "rows").iterdir()} == before
    certificate, whole = (
        verify_certificate(place / name / "public" / "certificate.json") for name in ("chosen", "out")
    )
    assert {row.adversary for row in certificate.rows} == {Adversary.CIPHERTEXT_ONLY}
    assert certificate.gates == tuple(gate for gate in whole.gates if gate.adversary is Adversary.CIPHERTEXT_ONLY)
    left_out = "No attack by these adversaries was made: insider, known-plaintext, white-box."
    assert (certificate.assumptions[-1], whole.assumptions) == (left_out, certificate.assumptions[:-1])
    assert left_out in (out / "public" / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(900)
def test_on_ray_the_same_rows_come_about(place: Path) -> None:
    rows = sorted((place / "out" / "rows").glob("*.json"))[::9]
    before = [json.loads(path.read_text()) | {"seconds": 0} for path in rows]
    for path in rows:
        path.unlink()
    videos, key, out = place / "in" / "inventory.csv", place / "owner.key", place / "out"
    succeed("audit", videos, "--key", key, "--out", out, "--size", 320, "--budget", "quick", "--on", "ray", timeout=850)
    assert [json.loads(path.read_text()) | {"seconds": 0} for path in rows] == before


def test_bad_input_is_one_line(place: Path, tmp_path: Path) -> None:
    videos, key, audit = [str(place / "in" / "inventory.csv")], place / "owner.key", audit_command
    with pytest.raises(OptionError, match="`size` 100 must be a multiple of 32"):
        audit(videos, tmp_path / "out", key, size=100)
    with pytest.raises(OptionError, match=r"`weights` none\.pt is no file; .*download it from Ultralytics"):
        audit(videos, tmp_path / "out", key, size=320, weights=Path("none.pt"))
    save_site_key(SiteKey.derive_from(load_owner_key(key), PatchSpec(), "a", ["b"]), tmp_path / "site.key")
    with pytest.raises(KeyFileError, match="cannot sign; give the owner's key"):
        audit(videos, tmp_path / "out", tmp_path / "site.key", size=320, budget=Budget.QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_light_suite")
def test_a_dry_run_says_what_would_be_done(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = [str(place / "in" / "inventory.csv")]
    audit_command(sources, place / "out", place / "owner.key", **_QUICK, dry_run=True)
    assert capsys.readouterr().err.count("has its row") == len(_light(Budget.QUICK).pairs())
