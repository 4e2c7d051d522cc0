"""The one door to ultralytics: silent, offline, and with its settings in no user's home."""

import logging
import os
import tempfile
from types import SimpleNamespace
from typing import Any

import cv2
import PIL.Image
import torch

# Read at import: without these it looks for a network, writes into the home folder, and reports what it is used for.
os.environ["YOLO_OFFLINE"] = "true"
os.environ.setdefault("YOLO_VERBOSE", "false")
if "YOLO_CONFIG_DIR" not in os.environ:
    _SETTINGS_FOLDER = tempfile.TemporaryDirectory(prefix="raypp-yolo-")  # removed when this process ends
    os.environ["YOLO_CONFIG_DIR"] = _SETTINGS_FOLDER.name

# Its import replaces these for the whole process (its Image.open would install packages when a picture is damaged).
_REPLACED = [(PIL.Image, "open"), (torch, "save"), (cv2, "imread"), (cv2, "imwrite"), (cv2, "imshow")]
_ORIGINALS = [(module, name, getattr(module, name)) for module, name in _REPLACED]

from ultralytics.cfg import get_cfg
from ultralytics.data.build import build_yolo_dataset
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.models.yolo.detect.train import DetectionTrainer
from ultralytics.models.yolo.detect.val import DetectionValidator
from ultralytics.nn.modules.head import Detect
from ultralytics.nn.tasks import DetectionModel, torch_safe_load, yaml_model_load
from ultralytics.utils import LOGGER, SETTINGS
from ultralytics.utils.metrics import DetMetrics, compute_ap, smooth
from ultralytics.utils.nms import non_max_suppression
from ultralytics.utils.torch_utils import ModelEMA, intersect_dicts

for _module, _name, _original in _ORIGINALS:
    setattr(_module, _name, _original)
LOGGER.setLevel(logging.ERROR)
SETTINGS["sync"] = False

__all__ = [
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
    "smooth",
    "torch_safe_load",
    "yaml_model_load",
]


def default_arguments(**changed: Any) -> Any:
    """Return ultralytics' default settings (its cfg/default.yaml) with some changed; losses and trainers read them."""
    return get_cfg(overrides=changed)


def build_optimizer(model: Any, arguments: Any, classes: int, decay: float, iterations: float) -> Any:
    """Build the optimiser that ultralytics would choose; writes its choice into the arguments, as its trainer does."""
    trainer = SimpleNamespace(args=arguments, data={"nc": classes})
    return BaseTrainer.build_optimizer(
        trainer, model, arguments.optimizer, arguments.lr0, arguments.momentum, decay, iterations
    )
