"""Ultralytics' own trainer tells nobody of a training and reads no settings; its batches go on after a stop."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from raypp.compare.images import read_images
from raypp.compare.ultralytics import UltralyticsBatches, lay_out
from raypp.detect.schedule import TrainingSchedule
from tests.videos import make_dataset

_SERVICES = ("comet_ml", "clearml", "dvclive", "mlflow", "wandb", "neptune", "tensorboard")
_TRAIN = """
import json, sys
from pathlib import Path
from raypp.compare.arm import Arm, ComparisonSchedule
from raypp.compare.arm_kind import ArmKind
from raypp.compare.ultralytics import lay_out, train_by_ultralytics
from raypp.compare.images import read_images
from raypp.detect.ultralytics import SETTINGS

place = Path(sys.argv[1])
images = read_images(str(place / "tools"))
schedule = ComparisonSchedule(architecture="yolov8p", size=32, epochs=1, batch=2, nominal_batch=2)
arm = Arm(name="library", kind=ArmKind.ULTRALYTICS, seed=0)
(place / "laid").mkdir()
steps = []
data = lay_out(images, place / "laid")
model, seconds = train_by_ultralytics(arm, schedule, data, place / "out", steps.append)
on = [name for name in ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb") if SETTINGS[name]]
print(json.dumps({
    "classes": model.yaml["nc"], "scales": model.yaml["scales"], "epochs": len(seconds), "on": on,
    "steps": [(step.epoch, step.epochs, step.step, step.steps) for step in steps], "loss": steps[-1].loss,
    "runs": SETTINGS["runs_dir"], "autoinstall": __import__("ultralytics.utils").utils.AUTOINSTALL,
}))
"""


def test_no_integration_no_settings_and_no_folder_of_others_is_touched(tmp_path: Path) -> None:
    make_dataset(tmp_path / "tools", count=6)
    notes, packages, working, home = (tmp_path / name for name in ("notes", "packages", "working", "home"))
    for service in _SERVICES:
        (packages / service).mkdir(parents=True)
        text = f"from pathlib import Path\nPath({str(notes)!r}).open('a').write({service + chr(10)!r})\n"
        (packages / service / "__init__.py").write_text(text + "__version__ = '99.0'\n")
    working.mkdir()
    (working / "yolov8.yaml").write_text("nc: 7\nscales: {n: [1, 1, 64]}\nbackbone: []\nhead: []\n")
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.json").write_text('{"mine": true}')
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(packages), str(Path(__file__).parents[2])]),
        "YOLO_CONFIG_DIR": str(home / "config"),
        "HOME": str(home),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", _TRAIN, str(tmp_path)]
    done = subprocess.run(command, cwd=working, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert not notes.exists(), notes.read_text()
    assert (result["on"], result["autoinstall"], result["epochs"]) == ([], False, 1)
    assert result["steps"] == [[1, 1, 1, 2], [1, 1, 2, 2]]
    assert result["loss"] > 0
    assert result["classes"] == 2
    assert result["scales"]["p"] == [0.33, 0.125, 1024]
    assert not Path(result["runs"]).is_relative_to(working)
    assert [path.name for path in working.iterdir()] == ["yolov8.yaml"]
    assert [path.name for path in (home / "config").iterdir()] == ["settings.json"]
    assert (home / "config" / "settings.json").read_text() == '{"mine": true}'


def _batches(place: Path) -> UltralyticsBatches:
    images, schedule = read_images(str(place / "tools")), TrainingSchedule(epochs=30, batch=4, steps=3)
    (place / "laid").mkdir(exist_ok=True)
    return UltralyticsBatches(
        lay_out(images, place / "laid"), images.splits["train"], images.classes, schedule, size=64
    )


def _pixels(batches: UltralyticsBatches, epoch: int) -> torch.Tensor:
    return torch.cat([batch.inputs for batch in batches.epoch(epoch)])


def test_mosaics_after_a_stop_are_made_of_the_images_that_were_loaded_last(tmp_path: Path) -> None:
    make_dataset(tmp_path / "tools", count=18)
    whole, resumed, anew = (_batches(tmp_path) for _ in range(3))
    _pixels(whole, 0)
    recent = whole.recent
    second = _pixels(whole, 1)
    resumed.load(recent)
    assert torch.equal(_pixels(resumed, 1), second)
    assert resumed.recent == whole.recent
    assert not torch.equal(_pixels(anew, 1), second), "the control: they are made of what was loaded last"
