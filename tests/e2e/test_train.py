"""Training and evaluation as an ML team meets them: shards and labels in, a detector and its scores out."""

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from raypp.detect.checkpoint import load_detector
from raypp.errors import ModelError, OptionError
from raypp.shards.labels import read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.train.settings import TrainSettings
from tests.command import environment, raypp, succeed, summary
from tests.videos import make_dataset, make_video

_SMALL = ("--model", "yolov8p", "--batch", 4, "--epochs", 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and an archive of a small labelled dataset."""
    place = tmp_path_factory.mktemp("place")
    succeed("keygen", "--out", place / "owner.key")
    make_dataset(place / "tools", count=18)
    _veil(place, place / "tools", "veiled", "owner.key")
    return place


def _veil(place: Path, source: Path, out: str, key: str, *options: object) -> None:
    options = ("--size", 96, "--on", "local", "--shard-mb", 0.002, *options)
    succeed("veil", source, "--out", place / out, "--key", place / key, *options)


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """A finished run."""
    succeed("train", place / "veiled", "--out", place / "run", *_SMALL, "--on", "ray", "--json", place / "summary.json")
    return place / "run"


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "results.csv").open() as file:
        return list(csv.DictReader(file))


def _epochs(run: Path) -> list[int]:
    return [int(row["epoch"]) for row in _rows(run)]


@pytest.mark.ray
def test_a_run_leaves_a_detector_that_knows_where_it_belongs(place: Path, run: Path) -> None:
    result = summary(place / "summary.json")
    header = ShardReader(str(place / "veiled")).header
    model, info = load_detector(run / "detector")
    assert result["veil_id"] == info.veil_id == header.veil_id
    assert info.classes == ("hammer", "saw")
    assert len(info.dataset_version) == 32
    assert _epochs(run) == [1, 2]
    assert model.names == {0: "hammer", 1: "saw"}
    assert list((run / "tensorboard").iterdir())


@pytest.mark.ray
def test_evaluate_gives_the_scores_of_the_best_epoch(place: Path, run: Path, tmp_path: Path) -> None:
    succeed("evaluate", place / "veiled", "--model", run, "--json", tmp_path / "scores.json")
    scores, result = summary(tmp_path / "scores.json"), summary(place / "summary.json")
    assert scores["samples"] == 6
    assert scores["labels"] == 6
    assert scores["map50"] == pytest.approx(result["map50"], abs=1e-6)
    assert scores["map50_95"] == pytest.approx(result["map50_95"], abs=1e-6)


@pytest.mark.ray
def test_an_exported_run_scores_the_same_and_says_what_it_is(place: Path, run: Path, tmp_path: Path) -> None:
    bundle, result = tmp_path / "tools.model", summary(place / "summary.json")
    succeed("export", run, "--out", bundle, "--json", tmp_path / "export.json")
    header = summary(tmp_path / "export.json")["header"]
    assert header["epochs"] == result["best_epoch"]
    assert header["scores"]["map50_95"] == pytest.approx(result["map50_95"], abs=1e-6)
    assert header["about"]["spec"] == ShardReader(str(place / "veiled")).header.spec
    assert result["veil_id"] in succeed("inspect", bundle).stdout
    for model, scores in ((run, "run.json"), (bundle, "bundle.json")):
        succeed("evaluate", place / "veiled", "--model", model, "--json", tmp_path / scores)
    of_run, of_bundle = summary(tmp_path / "run.json"), summary(tmp_path / "bundle.json")
    assert of_run["subject"].pop("model_id") is None
    assert of_bundle["subject"].pop("model_id") == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert of_bundle == of_run


@pytest.mark.ray
def test_another_veil_or_other_classes_are_refused_by_name(place: Path, run: Path, tmp_path: Path) -> None:
    own = ShardReader(str(place / "veiled")).header.veil_id
    succeed("keygen", "--out", place / "other.key")
    _veil(place, place / "tools", "other", "other.key")
    theirs = ShardReader(str(place / "other")).header.veil_id
    refused = raypp("evaluate", place / "other", "--model", run)
    assert refused.returncode == 1
    assert own in refused.stderr
    assert theirs in refused.stderr
    shutil.copytree(place / "tools", tmp_path / "renamed")
    yaml = (tmp_path / "renamed" / "data.yaml").read_text().replace("hammer", "mallet")
    (tmp_path / "renamed" / "data.yaml").write_text(yaml)
    _veil(place, tmp_path / "renamed", "renamed", "owner.key")
    refused = raypp("evaluate", place / "renamed", "--model", run)
    assert refused.returncode == 1
    assert "hammer, saw" in refused.stderr
    assert "mallet, saw" in refused.stderr
    refused = raypp("train", place / "other", "--out", run, *_SMALL)
    assert refused.returncode == 1
    assert "was begun on other data" in refused.stderr


def _one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("raypp: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0], f"{word!r} not in {lines[0]!r}"


def test_bad_input_is_one_line(place: Path, tmp_path: Path) -> None:
    archive, out = place / "veiled", ("--out", tmp_path / "run", "--batch", 4)
    _one_line(raypp("train", archive, *out, "--labels", "v9"), "v9", "tools-v1")
    _one_line(raypp("train", archive, *out, "--model", "yolov99"), "yolov99", "yolov8n")
    _one_line(raypp("train", archive, *out, "--batch", 64), "--batch 64", "12 training frames")
    assert not (tmp_path / "run" / "results.csv").exists()
    make_video(tmp_path / "video.mp4", seconds=1)
    _veil(place, tmp_path / "video.mp4", "unlabelled", "owner.key")
    _one_line(raypp("train", place / "unlabelled", *out), "no labels yet", "docs/reference/labels.md")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "`epochs` 0"),
        ({"batch": 5, "workers": 2, "least_workers": 2}, "`batch` 5 .* use 4"),
        ({"batch": 4, "workers": 3}, "`batch` 4 .* use 6"),
        ({"workers": 1, "least_workers": 4}, "`workers` 4-1"),
        ({"weights": Path("nowhere.pt")}, "nowhere.pt is no file; .* or the start.model of a learned veil"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=message):
        TrainSettings(archive="veiled", out=tmp_path, **settings).check()


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no checkpoint"):
        load_detector(tmp_path)


def test_a_training_in_one_process_scores_as_evaluated_and_goes_on_after_a_kill(place: Path, tmp_path: Path) -> None:
    def options(run: str) -> list[str]:
        words = ("train", place / "veiled", "--out", tmp_path / run, "--on", "local", *_SMALL[:-1], 4)
        return [*map(str, words), "--json", f"{tmp_path / run}.json"]

    succeed(*options("whole"))
    result = summary(tmp_path / "whole.json")
    succeed("evaluate", place / "veiled", "--model", tmp_path / "whole", "--json", tmp_path / "scores.json")
    assert summary(tmp_path / "scores.json")["map50_95"] == pytest.approx(result["map50_95"], abs=1e-6)
    with subprocess.Popen([sys.executable, "-m", "raypp", *options("killed")], env=environment()) as job:
        _wait_for_epoch(2, tmp_path / "killed", job)
        job.kill()
    succeed(*options("killed"))
    assert _epochs(tmp_path / "killed") == [1, 2, 3, 4]
    kept = {path.name for path in (tmp_path / "killed").glob("checkpoint_*")}
    assert kept == {f"checkpoint_{epoch:06d}" for epoch in (4, summary(tmp_path / "killed.json")["best_epoch"])}
    whole, killed = ([float(row["train/cls_loss"]) for row in _rows(tmp_path / name)] for name in ("whole", "killed"))
    assert killed == pytest.approx(whole, rel=1e-3)


@pytest.mark.ray
def test_a_run_goes_on_where_it_was_begun(place: Path, run: Path, tmp_path: Path) -> None:
    _one_line(raypp("train", place / "veiled", "--out", run, *_SMALL, "--on", "local"), str(run), "begun on Ray")
    here = ("train", place / "veiled", "--out", tmp_path / "here", *_SMALL[:-1], 1)
    assert "Ray" not in succeed(*here).stderr, "one worker needs no Ray"
    results = (tmp_path / "here" / "results.csv").read_bytes()
    for on in ("auto", "local"):
        assert "was trained before: nothing to do" in succeed(*here, "--on", on).stderr
    assert (tmp_path / "here" / "results.csv").read_bytes() == results
    for options in (("--on", "ray"), ("--workers", 2)):
        _one_line(raypp(*here, *options), str(tmp_path / "here"), "was begun in one process", "--on local or auto")
    _one_line(raypp(*here, "--on", "local", "--workers", 2), "--workers 2 is of Ray", "--on local")
    again = succeed("train", place / "veiled", "--out", run, *_SMALL)
    assert "was trained before: nothing to do" in again.stderr


def _with_shard(place: Path, copy: Path, change: Callable[[bytes], bytes]) -> str:
    """Copy the archive with its first shard changed; returns the shard's name."""
    shutil.copytree(place / "veiled", copy)
    store = Store(str(copy))
    shard = ShardReader(str(copy)).shards[0]
    store.write_atomic(shard, change(store.read(shard)))
    return shard.rpartition("/")[2]


def test_a_shard_cut_short_is_found_before_any_work(place: Path, tmp_path: Path) -> None:
    shard = _with_shard(place, tmp_path / "cut", lambda content: content[:-40])
    _one_line(raypp("train", tmp_path / "cut", "--out", tmp_path / "run", *_SMALL), shard, "raypp verify")


@pytest.mark.slow
@pytest.mark.ray
def test_a_corrupt_shard_ends_training_with_its_name(place: Path, tmp_path: Path) -> None:
    shard = _with_shard(place, tmp_path / "bad", lambda content: content[:-40] + bytes(40))
    _one_line(raypp("train", tmp_path / "bad", "--out", tmp_path / "run", *_SMALL, "--on", "ray"), shard)


def _wait_for(is_so: Callable[[], bool], job: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 200
    while not is_so():
        assert job.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _wait_for_epoch(epoch: int, run: Path, job: "subprocess.Popen[str]") -> None:
    _wait_for(lambda: (run / "results.csv").exists() and len(_epochs(run)) >= epoch, job)


def _kept(run: Path) -> str:
    """Checkpoints that Ray has noted: it looks for new ones every two seconds, and epochs here are shorter."""
    path = run / "checkpoint_manager_snapshot.json"
    return path.read_text() if path.exists() else ""


@pytest.mark.slow
@pytest.mark.ray
def test_a_worker_killed_mid_run_costs_no_epoch(place: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "raypp", "train", place / "veiled", "--out", run, "--batch", "4", "--epochs", "6"]
    command += ["--workers", "2"]
    with subprocess.Popen([*map(str, command)], env=environment(), stderr=subprocess.PIPE, text=True) as job:
        _wait_for_epoch(1, run, job)
        workers = [
            process
            for process in psutil.Process(job.pid).children(recursive=True)
            if "RayTrainWorker" in " ".join(process.cmdline())
        ]
        assert len(workers) == 2
        workers[0].kill()
        _, errors = job.communicate()
    assert job.returncode == 0, errors
    assert _epochs(run) == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
@pytest.mark.ray
def test_a_run_killed_and_run_again_goes_on_at_the_last_epoch(place: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("train", place / "veiled", "--out", run, "--batch", 4, "--epochs", 5)
    command = [sys.executable, "-m", "raypp", *map(str, options), "--on", "ray"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL, text=True) as job:
        _wait_for_epoch(1, run, job)
        _wait_for(lambda: "checkpoint_2" in _kept(run), job)
        for process in [*psutil.Process(job.pid).children(recursive=True), psutil.Process(job.pid)]:
            process.kill()
    first = (run / "results.csv").read_text().splitlines()[1]
    assert "Ray takes up to a minute" in succeed(*options).stderr, "it goes on where it was begun"
    assert _epochs(run) == [1, 2, 3, 4, 5]
    assert (run / "results.csv").read_text().splitlines()[1] == first
    assert (
        json.loads((run / "about.json").read_text())["labels_version"]
        == read_labels(Store(str(place / "veiled")), "tools-v1").version
    )
