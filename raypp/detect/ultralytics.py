"""The one door to ultralytics: silent, offline, and with its settings in no user's home."""

import logging
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import PIL.Image
import torch

# Read at import: without these it looks for a network, writes into the home folder, and reports what it is used for.
os.environ["YOLO_OFFLINE"] = "true"
os.environ["YOLO_AUTOINSTALL"] = "false"
os.environ.setdefault("YOLO_VERBOSE", "false")
_PREFIX = "raypp-yolo-"
_folder = Path(os.environ.get("YOLO_CONFIG_DIR", ""))
if not (_folder.name.startswith(_PREFIX) and _folder.is_dir()):  # else the folder of the process that started this one
    _SETTINGS_FOLDER = tempfile.TemporaryDirectory(prefix=_PREFIX)  # removed when this process ends
    _folder = Path(_SETTINGS_FOLDER.name)
    os.environ["YOLO_CONFIG_DIR"] = str(_folder)

_threads = os.environ.get("OMP_NUM_THREADS")

# Its import replaces these for the whole process (its Image.open would install packages when an image is damaged).
_REPLACED = [(PIL.Image, "open"), (torch, "save"), (cv2, "imread"), (cv2, "imwrite"), (cv2, "imshow")]
_ORIGINALS = [(module, name, getattr(module, name)) for module, name in _REPLACED]

from ultralytics.cfg import get_cfg
from ultralytics.data.build import build_yolo_dataset
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.models.yolo.detect.train import DetectionTrainer
from ultralytics.models.yolo.detect.val import DetectionValidator
from ultralytics.nn.modules.conv import Concat
from ultralytics.nn.modules.head import Detect
from ultralytics.nn.tasks import DetectionModel, torch_safe_load
from ultralytics.utils import LOGGER, SETTINGS
from ultralytics.utils.metrics import DetMetrics, compute_ap, smooth
from ultralytics.utils.nms import non_max_suppression
from ultralytics.utils.torch_utils import ModelEMA, intersect_dicts

for _module, _name, _original in _ORIGINALS:
    setattr(_module, _name, _original)
if not _threads:  # its import has set one thread, for torch's of every process that this one starts
    del os.environ["OMP_NUM_THREADS"]
LOGGER.setLevel(logging.ERROR)
# Whoever has one of these packages would find its callbacks in every trainer of ultralytics; some talk to their clouds.
_INTEGRATIONS = ("clearml", "comet", "dvc", "hub", "mlflow", "neptune", "raytune", "tensorboard", "wandb")
SETTINGS.update(
    {name: False for name in ("sync", "vscode_msg", "openvino_msg", *_INTEGRATIONS) if name in SETTINGS}
    | {f"{what}_dir": str(_folder / what) for what in ("datasets", "weights", "runs")}
)

__all__ = [
    "Concat",
    "DetMetrics",
    "Detect",
    "DetectionModel",
    "DetectionTrainer",
    "DetectionValidator",
    "ModelEMA",
    "build_optimizer",
    "build_yolo_dataset",
    "compute_ap",
    "default_arguments",
    "intersect_dicts",
    "non_max_suppression",
    "safe_load_is_supported",
    "smooth",
    "torch_safe_load",
]


def safe_load_is_supported() -> bool:
    """Whether the installed torch can tell what a checkpoint would build before it builds it."""
    return hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint")


def default_arguments(**changed: Any) -> Any:
    """Return ultralytics' default settings (its cfg/default.yaml) with some changed; losses and trainers read them."""
    return get_cfg(overrides=changed)


def build_optimizer(model: Any, arguments: Any, classes: int, decay: float, iterations: float) -> Any:
    """Build the optimiser that ultralytics would choose; writes its choice into the arguments, as its trainer does."""
    trainer = SimpleNamespace(args=arguments, data={"nc": classes})
    return BaseTrainer.build_optimizer(
        trainer, model, arguments.optimizer, arguments.lr0, arguments.momentum, decay, iterations
    )
