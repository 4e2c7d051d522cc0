"""`raypp fit` as its users meet it: a stopped fit goes on, and what it leaves veils and starts a training."""

import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import torch

from raypp.cli.fit import fit
from raypp.compare.arm import ComparisonSchedule
from raypp.compare.arm_names import parse_arm
from raypp.compare.comparison import Comparison, compare
from raypp.compare.images import letterboxed, read_images
from raypp.compare.rows import read_arm_rows
from raypp.compare.task import run_arms_here
from raypp.detect.bundle import read_bundle
from raypp.detect.model import build_detector
from raypp.errors import ConflictError, OptionError, SpecError
from raypp.execution import ExecutionSettings, On
from raypp.fit.results import FitEpoch
from raypp.fit.run import run_fit
from raypp.fit.settings import FitSettings, usual_channels
from raypp.frontier.fits import read_finished_fit
from raypp.ingest.job import veil_here
from raypp.progress import SILENT, LineProgress
from raypp.train.initial_weights import check_veil
from raypp.train.results import read_results
from raypp.train.steps import StepFile, TrainingStep
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.keyfile import load_owner_key
from raypp.veil.veil import open_veil
from tests.command import succeed
from tests.killed import kill_within
from tests.videos import make_dataset


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    succeed("keygen", "--out", place / "owner.key")
    make_dataset(place / "tools", count=18)
    torch.manual_seed(0)
    torch.save({"model": build_detector("yolov8p", ("hammer", "saw"), None)}, place / "public.pt")
    return place


def _settings(place: Path, **changed: object) -> FitSettings:
    settings = FitSettings(
        data=str(place / "tools"),
        weights=place / "public.pt",
        architecture="yolov8p",
        size=64,
        epochs=3,
        batch=4,
        channels=6,
        restart=1,
        warm_up=1,
        seed=0,
    )
    return settings.model_copy(update=changed)


def _epochs(out: Path) -> list[FitEpoch]:
    return [epoch.model_copy(update={"seconds": 0.0}) for epoch in read_results(out, FitEpoch)]


def _start(out: Path) -> dict[str, torch.Tensor]:
    """The detector that a fit left."""
    return read_bundle(out / "start.model").tensors


def test_the_warm_up_is_shown_before_the_first_epoch(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    write = StepFile.write

    def recording(file: StepFile, step: TrainingStep) -> None:
        shown.append(f"{step.name()}, step {step.step}/{step.steps}")
        write(file, step)

    monkeypatch.setattr(StepFile, "write", recording)
    run_fit(_settings(place, epochs=1, warm_up=2), tmp_path / "fitted", place / "owner.key")
    passes = ("warm-up 1/2", "warm-up 2/2", "epoch 1/1")
    assert shown == [f"{name}, step {step}/3" for name in passes for step in (1, 2, 3)]


def test_a_fit_killed_within_an_epoch_goes_on_to_what_it_would_have_come_to(place):
    settings, key = _settings(place, rate=0.5), place / "owner.key"
    run_fit(settings, place / "whole", key)
    options = ("--model", "yolov8p", "--size", 64, "--epochs", 3, "--batch", 4, "--channels", 6, "--rate", 0.5)
    files = ("--weights", place / "public.pt", "--key", key, "--out", place / "killed")
    kill_within(
        3, 2, "fit", place / "tools", *files, *options, "--restart", 1, "--warm-up", 1, "--seed", 0, "--on", "local"
    )
    assert [epoch.epoch for epoch in _epochs(place / "killed")] == [1, 2]
    assert (place / "killed" / "step.json").exists()
    lines: list[str] = []
    run_fit(settings, place / "killed", key, progress=LineProgress(lines.append))
    assert "3 epochs of 3 steps, 2 done before" in lines[0]
    assert _epochs(place / "killed") == _epochs(place / "whole")
    start, whole = _start(place / "killed"), _start(place / "whole")
    assert all(torch.equal(tensor, start[name]) for name, tensor in whole.items())
    left = {path.name for path in (place / "killed").iterdir()}
    assert left == {"encoder.veil", "start.model", "fit.json", "card.json", "results.csv", "tensorboard"}
    with pytest.raises(ConflictError, match="was begun with other settings"):
        run_fit(_settings(place, rate=0.5, hide=2.0), place / "killed", key)


def _secret_tensors(checkpoint: Path) -> list[bytes]:
    """The weights of encoder and adversaries that a checkpoint holds, as bytes."""
    state = torch.load(checkpoint, weights_only=True)["ema"]
    secret = {name: tensor for name, tensor in state.items() if ".encoder." in name or ".adversaries." in name}
    return [tensor.numpy().tobytes() for tensor in secret.values() if tensor.numel() >= 256]


def _holders(fitted: Path, tensors: list[bytes]) -> list[str]:
    """Files below a folder that hold any of some tensors."""
    files = [path for path in fitted.rglob("*") if path.is_file()]
    return [path.name for path in files if any(tensor in path.read_bytes() for tensor in tensors)]


def test_a_finished_fit_leaves_its_encoder_sealed_alone_and_nothing_open_to_others(place):
    fitted, key, settings = place / "fitted", place / "owner.key", _settings(place, epochs=1)
    first = run_fit(settings, fitted, key, keep_checkpoints=True)
    tensors = _secret_tensors(fitted / "running" / "state.pt")
    assert len(tensors) > 20
    assert _holders(fitted, tensors) == ["state.pt"], "the control: they are found where they are"
    sealed = (fitted / "encoder.veil").read_bytes()
    (fitted / "running" / ".part-killed").mkdir()
    again = run_fit(settings, fitted, key)  # as after a kill before the checkpoints were deleted
    assert again.model_copy(update={"seconds": first.seconds}) == first
    assert (fitted / "encoder.veil").read_bytes() == sealed, "fitted before: nothing to do"
    assert _holders(fitted, tensors) == []
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (fitted, *fitted.rglob("*"))}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
    assert "running" not in modes
    succeed("keygen", "--out", place / "other.key")
    with pytest.raises(SpecError, match="sealed under another key"):
        run_fit(settings, fitted, place / "other.key")


def test_a_fit_ends_with_a_card(place: Path, tmp_path: Path) -> None:
    settings, key, fitted = _settings(place, epochs=1), place / "owner.key", tmp_path / "fitted"
    data = tmp_path / "tools"
    shutil.copytree(place / "tools", data)
    settings = settings.model_copy(update={"data": str(data)})
    summary = run_fit(settings, fitted, key)
    card = summary.card
    assert card is not None
    assert (card.dataset, card.images, card.classes, card.size, card.epochs) == ("tools", 12, 2, 64, 1)
    assert (card.map50, card.detail) == (summary.last.map50, summary.last.detail)
    spec, encoder = spec_and_encoder(fitted / "encoder.veil")
    stream = open_veil(spec, load_owner_key(key), encoder).stream("site", "camera")
    bits, sizes = [], []
    for image in read_images(str(data)).splits["val"]:
        code = stream.encode(letterboxed(image, 64, 8)[1][None])[0]
        counts = [np.unique(values, return_counts=True)[1] / values.size for values in code]
        bits.append([-sum(shares * np.log2(shares)) for shares in counts])
        sizes.append(sum(bits[-1]) * code[0].size / 8)
    assert card.bits == pytest.approx(np.mean(bits)), "names of values change no entropy"
    assert card.frame_bytes == pytest.approx(np.mean(sizes))
    assert 0 < card.coded_bits <= 8 * 8 * 8 * 3
    assert card.coded_bits_per_pixel == pytest.approx(card.coded_bits / (64 * 48))
    assert 0 < card.encode_ms < 1000
    (fitted / "card.json").unlink()  # as after a kill before it was written
    again = run_fit(settings, fitted, key).card
    assert again is not None
    assert again.frame_bytes == card.frame_bytes
    (fitted / "card.json").write_text("{")
    shutil.rmtree(data)
    assert run_fit(settings, fitted, key).card is None


def test_what_a_fit_leaves_is_compared_with_plain(place):
    fitted = place / "fitted"
    summary = run_fit(_settings(place, epochs=1), fitted, place / "owner.key")
    assert summary.spec["family"] == "learned"
    finished = read_finished_fit(fitted)
    assert (finished.veil_id, finished.card) == (summary.veil_id, summary.card)
    assert finished.map50_95 == summary.last.map50_95
    schedule = ComparisonSchedule(architecture="yolov8p", weights=place / "public.pt", size=64, epochs=1, batch=4)
    encoder = fitted / "encoder.veil"
    mapped = f"homeomorphic:layers=2,base={encoder}"
    started = f"homeomorphic:layers=0,base={fitted}"
    arms = tuple(parse_arm(text, 0) for text in (f"learned={fitted}", f"anew={encoder}", mapped, started))
    comparison = Comparison(str(place / "tools"), place / "cost", place / "owner.key", schedule, arms, 1, "compare")
    compare(comparison, veil_here, lambda tasks: run_arms_here(tasks, lambda _: lambda *_: None), SILENT)
    rows = {row.arm.name: row for row in read_arm_rows(place / "cost").values()}
    assert rows["learned"].veil is not None
    assert rows["learned"].veil.veil_id == summary.veil_id
    assert str(rows["learned"].arm.start) == "start.model"
    assert rows["anew"].arm.start is None
    assert len({row.row_id.rpartition("-")[2] for row in rows.values()}) == 4
    assert (rows["homeomorphic-2"].veil, rows["homeomorphic-2"].wrong_key_map50) == (None, ())
    assert (rows["homeomorphic-2"].arm.start, str(rows["homeomorphic-0"].arm.start)) == (None, "start.model")
    assert rows["homeomorphic-2"].val_images == rows["anew"].val_images
    assert len(rows["learned"].wrong_key_map50) == 1


def test_a_model_of_another_veil_starts_no_training(place):
    with pytest.raises(ConflictError, match=r"the frames of ffff.*; start from the model of theirs"):
        check_veil(place / "whole" / "start.model", "f" * 32)
    check_veil(place / "public.pt", "f" * 32)


def test_a_dry_run_says_what_would_be_and_writes_nothing(place, tmp_path, capsys):
    options = {"model": "yolov8p", "size": 64, "batch": 4, "dry_run": True}
    fit(str(place / "tools"), out=tmp_path / "fitted", weights=place / "public.pt", **options)
    output = capsys.readouterr().err
    assert "12 train, 6 val, 2 classes" in output
    assert "8 values of 3 bits" in output
    assert not (tmp_path / "fitted").exists()


def test_workers_need_ray(place):
    with pytest.raises(OptionError, match="`workers` 2 is of Ray, which `on` local does without"):
        run_fit(_settings(place, workers=2), place / "none", place / "owner.key", ExecutionSettings(on=On.LOCAL))


def test_cells_have_as_many_values_as_their_size_wants(place):
    options = ("--weights", place / "public.pt", "--out", place / "planned", "--model", "yolov8p", "--size", 64)
    done = succeed("fit", place / "tools", *options, "--batch", 4, "--patch", 16, "--dry-run")
    assert "cells of 16x16 pixels, 48 values" in done.stderr
    assert [usual_channels(patch) for patch in (4, 8, 16)] == [8, 8, 48]
