"""The arms of a comparison are shown as one task, by the steps that each has done."""

from pathlib import Path

from raypp.compare.arm_display import ArmDisplay, arms_shown
from raypp.progress import SILENT
from raypp.train.steps import StepFile, TrainingStep


def _write(folder: Path, epoch: int, step: int, left: float | None = None) -> None:
    folder.mkdir(exist_ok=True)
    StepFile(folder).write(TrainingStep(epoch=epoch, epochs=2, step=step, steps=4, loss=2.0, seconds_left=left))


def test_arms_advance_by_their_steps_and_never_go_back(tmp_path: Path) -> None:
    advances: list[tuple[float, str]] = []
    folders = {name: tmp_path / name for name in ("plain-s0", "default-s0")}
    display = ArmDisplay(folders, lambda work, where, _: advances.append((work, where)))
    display.update()
    display.update()
    _write(folders["plain-s0"], 1, 2)
    display.update()
    _write(folders["default-s0"], 2, 2, 7.6)
    display.update()
    _write(folders["plain-s0"], 1, 1)  # its worker was replaced
    display.update()
    display.end("plain-s0")
    display.update()
    assert advances == [
        (0, "0/2"),
        (0.25, "0/2; plain-s0 epoch 1/2, step 2/4, loss 2.000"),
        (
            0.75,
            "0/2; plain-s0 epoch 1/2, step 2/4, loss 2.000; default-s0 epoch 2/2, step 2/4, loss 2.000, 8 s left in it",
        ),
        (
            0,
            "0/2; plain-s0 epoch 1/2, step 1/4, loss 2.000; default-s0 epoch 2/2, step 2/4, loss 2.000, 8 s left in it",
        ),
        (0.75, "1/2; default-s0 epoch 2/2, step 2/4, loss 2.000, 8 s left in it"),
    ]


def test_nothing_is_left_of_what_was_shown(tmp_path: Path) -> None:
    _write(tmp_path / "plain-s0", 1, 1)
    with arms_shown({"plain-s0": tmp_path / "plain-s0"}, SILENT) as display:
        assert not list((tmp_path / "plain-s0").iterdir()), "a killed run left it"
        _write(tmp_path / "plain-s0", 2, 1)
        display.end("plain-s0")
    assert not list((tmp_path / "plain-s0").iterdir())
