"""Evaluation as an ML team meets it: a report from shards and a detector, the same from any number of workers."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import environment, raypp, succeed, summary
from tests.detect.archives import eager_detector, veiled_dataset

_BY_WORKERS = """
import sys
import typer
from raypp.cli.evaluate import evaluate

place = sys.argv[1]
app = typer.Typer()
app.command()(evaluate)
for workers in sys.argv[2:]:
    options = ["--model", f"{place}/detector", "--report", f"{place}/report-{workers}", "--workers", workers]
    app([f"{place}/veiled", "--on", "ray", *options], standalone_mode=False)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive in several shards, a detector, and the report made in one process."""
    place = tmp_path_factory.mktemp("place")
    archive = veiled_dataset(place, variants=1)
    eager_detector(archive, place / "detector")
    options = ("--report", place / "report", "--json", place / "report.json")
    succeed("evaluate", archive, "--model", place / "detector", *options)
    return place


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_labelled_frame_of_the_split_counts_once_and_no_variant_does(place: Path) -> None:
    scores, mistakes = summary(place / "report.json"), summary(place / "report" / "mistakes.json")
    assert scores["samples"] == mistakes["samples"] == 6
    assert scores["labels"] == mistakes["labels"] == 6
    assert mistakes["right"] >= 1, "a detector that finds nothing would tell no two evaluations apart"
    assert set(mistakes["kinds"]) >= {"class", "localisation", "duplicate", "background", "missed"}
    assert [item["name"] for item in mistakes["by_hour"]] == ["unknown"]


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_an_engine_finds_what_training_finds(place: Path, engine: str, tmp_path: Path) -> None:
    options = ("--engine", engine, "--json", tmp_path / "scores.json", "--report", tmp_path / "report")
    succeed("evaluate", place / "veiled", "--model", place / "detector", *options)
    scores, wanted = summary(tmp_path / "scores.json"), summary(place / "report.json")
    assert scores["samples"] == wanted["samples"]
    assert scores["map50"] == pytest.approx(wanted["map50"], abs=0.1)
    assert _files(tmp_path / "report") != _files(place / "report"), "another engine computed"


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("workers", ["2", "1"])
def test_any_number_of_workers_writes_the_same_report(place: Path, workers: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BY_WORKERS, str(place), workers],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("on nothing: nothing is labelled there") == 1, "once, not by each worker"
    alone = _files(place / "report")
    assert len(alone) == 8
    assert _files(place / f"report-{workers}") == alone


def test_bad_input_is_one_line(place: Path, tmp_path: Path) -> None:
    for options, word in (
        (("--on", "local", "--address", "10.0.0.1:6379"), "--address 10.0.0.1:6379 is of Ray"),
        (("--on", "local", "--gpu"), "--gpu"),
        (("--workers", -1), "--workers"),
        (("--split", "test"), "have no test frames"),
    ):
        refused = raypp("evaluate", place / "veiled", "--model", place / "detector", *options)
        assert refused.returncode == (2 if "-1" in map(str, options) else 1)
        assert word in refused.stderr
        assert "Traceback" not in refused.stderr
