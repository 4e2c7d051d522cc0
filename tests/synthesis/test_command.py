"""`raypp synthesise` as its users run it: dry, to the end, killed, and judged."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raypp.key_sources.place import key_place
from raypp.shards.labels import read_labels, write_labels
from raypp.shards.store import Store
from raypp.shards.verification import verify
from raypp.veil.keyfile import load_owner_key
from tests.command import environment, raypp, succeed
from tests.synthesis.archives import CHANNELS, CLASSES, write_real

_QUICK = ("--labels", "things", "--out", "synthetic", "--frames", 70, "--epochs", 1, "--no-amp")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("command")
    succeed("keygen", "--out", "owner.key", cwd=place)
    write_real(place / "veiled", public_key=load_owner_key(key_place(place / "owner.key")).public_key.hex())
    return place


def test_a_dry_run_writes_nothing(place: Path) -> None:
    done = succeed("synthesise", "veiled", *_QUICK, "--dry-run", "--json", "-", cwd=place)
    assert "240 train frames of" in done.stderr
    assert f"{CHANNELS * 40} code values a frame" in done.stderr
    assert not [path for path in place.iterdir() if path.name.startswith("synthetic")]


def test_an_archive_is_drawn_judged_verified_and_has_no_video(place: Path) -> None:
    judged = ("--report", "synthetic.json", "--report-epochs", 0, "--json", "summary.json", "--key", "owner.key")
    done = succeed("synthesise", "veiled", *_QUICK, *judged, cwd=place)
    assert "70 synthetic frames" in done.stderr
    assert "synthetic is not anonymous" in done.stderr
    report, summary = (json.loads((place / name).read_text()) for name in ("synthetic.json", "summary.json"))
    assert summary["report"] == report
    assert summary["classes"] == list(CLASSES)
    assert report["utility"] is None
    assert 0 <= report["membership"]["auc"] <= 1
    assert "not anonymous" in (place / "synthetic.md").read_text()
    assert oct((place / "synthetic-private" / "generator" / "generator.safetensors").stat().st_mode)[-3:] == "600"
    who = summary["signed_by"]
    assert f"signed by {who}" in succeed("verify", "synthetic", "--fingerprint", who, "--on", "local", cwd=place).stderr
    _alterations_are_found(place / "synthetic", who)
    description = succeed("inspect", "synthetic", cwd=place).stdout
    assert "synthetic" in description
    assert summary["generator"] in description
    shown = raypp("show", "synthetic", "0" * 32, "--key", "owner.key", "--out", "looked-at", cwd=place)
    assert shown.returncode == 1
    assert "is synthetic: a generator drew its frames, and there is no video or image behind them" in shown.stderr


def _alterations_are_found(archive: Path, who: str) -> None:
    """Alter the signature, then the labels; each is told, and put back."""
    path = archive / "signature.json"
    signature, tables = path.read_bytes(), read_labels(Store(str(archive)), "things")
    altered = json.loads(signature) | {"signature": "00" * 64}
    path.write_text(json.dumps(altered))
    assert verify(str(archive)).problems == (f"signature.json is false: it was altered, or {who} never made it",)
    path.write_bytes(signature)
    for rows, problems in (
        (tables.rows[1:], (f"labels things are not those that {who} signed; they were altered",)),
        (tables.rows, ()),
    ):
        shutil.rmtree(archive / "labels" / "things")
        write_labels(Store(str(archive)), "things", tables.classes, tables.veil_id, rows)
        assert verify(str(archive)).problems == problems


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_archive(place: Path) -> None:
    words = ("--labels", "things", "--frames", 400, "--epochs", 4, "--no-amp", "--json", "whole.json")
    succeed("synthesise", "veiled", "--out", "whole", *words, cwd=place)
    again = [str(word) for word in words[:-1]] + ["killed.json"]
    command = [sys.executable, "-P", "-m", "raypp", "synthesise", "veiled", "--out", "killed", *again]
    for until in ("killed-private/generator/state.pt", "killed/receipts"):
        process = subprocess.Popen(command, cwd=place, env=environment(), start_new_session=True)
        while not (place / until).exists() and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    succeed("synthesise", "veiled", "--out", "killed", *again, cwd=place)
    whole, killed = (json.loads((place / name).read_text()) for name in ("whole.json", "killed.json"))
    assert killed["generator"] == whole["generator"]
    assert killed["manifest_digest"] == whole["manifest_digest"]


@pytest.mark.slow
def test_worth_is_measured_by_two_detectors(place: Path) -> None:
    judged = ("--report", "worth.json", "--report-epochs", 1, "--report-model", "yolov8p")
    succeed("synthesise", "veiled", *_QUICK, *judged, cwd=place)
    utility = json.loads((place / "worth.json").read_text())["utility"]
    assert (utility["real_frames"], utility["synthetic_frames"]) == (240, 63)
    assert utility["passed"] == (utility["share"] >= 0.7)
