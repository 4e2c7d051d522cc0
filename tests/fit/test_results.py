"""What a fit has come to is written as a training's is, with what the adversaries gained beside it."""

import socket
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from raypp.evaluate.scores import Scores
from raypp.fit.results import FitEpoch
from raypp.train.results import EpochLosses, EpochResult, read_results, record

_SCORES = Scores(samples=4, labels=9, precision=0.5, recall=0.25, map50=0.4, map50_95=0.3, classes=())
_GAINED = {"detail": 0.2, "tone": 0.1, "bits": 2.5}


def _epoch(number: int) -> FitEpoch:
    losses = {"box_loss": 1.5, "cls_loss": 2.5, **_GAINED}
    return FitEpoch.of(EpochLosses(number - 1, losses, 0.01), _SCORES, float(number))


def test_a_fit_reads_as_a_training_with_columns_of_its_own(tmp_path: Path) -> None:
    epochs = [_epoch(number) for number in (1, 2)]
    for epoch in epochs:
        record(tmp_path, epoch)
    assert read_results(tmp_path, FitEpoch) == epochs
    first = read_results(tmp_path, EpochResult)[0]
    assert (first.epoch, first.box_loss, first.dfl_loss, first.recall) == (1, 1.5, 0, 0.25)
    header = (tmp_path / "results.csv").read_text().splitlines()[0]
    assert header.endswith("lr/pg0,adversaries/detail,adversaries/tone,codes/bits")


def test_a_board_shows_every_epoch_of_a_run_whose_epochs_take_milliseconds(tmp_path: Path) -> None:
    for number in range(1, 25):
        record(tmp_path, _epoch(number))
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [scalar.step for scalar in board.Scalars("adversaries/detail")] == list(range(1, 25))


def test_an_epoch_takes_the_place_of_those_that_a_crash_left_behind(tmp_path: Path) -> None:
    for number in (1, 2, 3, 2):
        record(tmp_path, _epoch(number))
    assert [epoch.epoch for epoch in read_results(tmp_path, FitEpoch)] == [1, 2]
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [scalar.step for scalar in board.Scalars("adversaries/detail")] == [1, 2]
    files = [path.name for path in (tmp_path / "tensorboard").iterdir()]
    assert len(files) == 4
    assert not [name for name in files if socket.gethostname() in name], "a run goes out; its machine's name does not"
