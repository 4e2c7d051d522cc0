"""The library's own trainer: nobody is told of a training, and nothing of the working folder or the home is read."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.videos import make_dataset

_SERVICES = ("comet_ml", "clearml", "dvclive", "mlflow", "wandb", "neptune", "tensorboard")
_TRAIN = """
import json, sys
from pathlib import Path
from raypp.compare.arm import Arm, ArmKind, ComparisonSchedule
from raypp.compare.ultralytics import lay_out, train_by_ultralytics
from raypp.compare.images import read_images
from raypp.detect.ultralytics import SETTINGS

place = Path(sys.argv[1])
images = read_images(str(place / "tools"))
schedule = ComparisonSchedule(architecture="yolov8p", size=32, epochs=1, batch=4, nominal_batch=4)
arm = Arm(name="library", kind=ArmKind.ULTRALYTICS, seed=0)
(place / "laid").mkdir()
model, seconds = train_by_ultralytics(arm, schedule, lay_out(images, place / "laid"), place / "out")
on = [name for name in ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb") if SETTINGS[name]]
print(json.dumps({
    "classes": model.yaml["nc"], "scales": model.yaml["scales"], "epochs": len(seconds), "on": on,
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
    said = json.loads(done.stdout.splitlines()[-1])
    assert not notes.exists(), notes.read_text()
    assert (said["on"], said["autoinstall"], said["epochs"]) == ([], False, 1)
    assert said["classes"] == 2
    assert said["scales"]["p"] == [0.33, 0.125, 1024]
    assert not Path(said["runs"]).is_relative_to(working)
    assert [path.name for path in working.iterdir()] == ["yolov8.yaml"]
    assert [path.name for path in (home / "config").iterdir()] == ["settings.json"]
    assert (home / "config" / "settings.json").read_text() == '{"mine": true}'
