"""The state of a training on disk: the one form that trainings, fits and arms of a comparison go on from."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from raypp.errors import ModelError
from raypp.io.atomic import whole_file

STATE_FILE = "state.pt"
STATE_VERSION = 2
"""Version 1 had no number. A comparison's held the rest in a field `trainer`, and its own figures beside it."""


@dataclass(frozen=True)
class TrainingState:
    """Everything that a training needs to go on exactly where it was, between two epochs.

    Attributes:
        epoch: epochs that have ended.
        model: tensors of the detector, by name.
        ema: their averages, by name: what is evaluated and handed out.
        updates: how many updates the averages have had.
        optimizer: the optimiser's own state.
        scaler: the state of the gradients' scaling, for mixed precision on a GPU.
        half: name of the half-precision type that it computes in, such as "bfloat16", or "" for none; None in states
            of raypp before it was kept.
        extra: what one kind of training keeps besides: numbers, words, lists and dicts.
    """

    epoch: int
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    updates: int
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    half: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def write_state(folder: Path, state: TrainingState, *, private: bool = False) -> None:
    """Write a state into a folder that is there, whole or not at all.

    Args:
        folder: where.
        state: what is written.
        private: whether the file is of mode 0600; else the umask decides.
    """
    content = {item.name: getattr(state, item.name) for item in fields(state)}
    with whole_file(folder / STATE_FILE, private=private) as part:
        torch.save({"version": STATE_VERSION, **content}, part)


def copy_state(source: Path, folder: Path, *, private: bool = False) -> None:
    """Copy the state in one folder into another one, whole or not at all; as for `write_state`."""
    with whole_file(folder / STATE_FILE, private=private) as part:
        shutil.copyfile(source / STATE_FILE, part)


def holds_state(folder: Path) -> bool:
    """Whether a folder holds the state of a training."""
    return (folder / STATE_FILE).exists()


def read_state(folder: Path) -> TrainingState:
    """Read the state in a checkpoint's folder, of this version or an older one; never any code.

    Raises:
        ModelError: if it is damaged, or of a newer version.
    """
    stored = _read(folder)
    held = {item.name: stored[item.name] for item in fields(TrainingState) if item.name in stored}
    missing = {item.name for item in fields(TrainingState)} - {"half", "extra"} - held.keys()
    if missing:
        raise _damaged(folder, f"it has no {min(missing)!r}")
    return TrainingState(**held)


def read_averages(folder: Path) -> tuple[dict[str, Tensor], int]:
    """Read the averaged weights in a checkpoint's folder, and after how many epochs they were taken.

    Raises:
        ModelError: if it is damaged, or of a newer version.
    """
    stored = _read(folder)
    try:
        return stored["ema"], int(stored["epoch"])
    except KeyError as error:
        raise _damaged(folder, f"it has no {error}") from None


def _read(folder: Path) -> Mapping[str, Any]:
    if not holds_state(folder) and any(folder.glob("checkpoint_*")):
        raise ModelError(f"run {folder} has not ended; run it again, or name one of its checkpoint_ folders")
    try:
        stored = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises what its many layers raise
        raise _damaged(folder, (str(error) or type(error).__name__).splitlines()[0]) from None
    if not isinstance(stored, dict):
        raise _damaged(folder, "it holds no fields")
    version = stored.get("version", 1)
    if version not in range(1, STATE_VERSION + 1):
        raise ModelError(
            f"checkpoint {folder} is of version {version}, and this raypp reads up to {STATE_VERSION}; upgrade raypp"
        )
    if version == 1 and isinstance(stored.get("trainer"), dict):
        own = {name: value for name, value in stored.items() if name != "trainer"}
        stored = {**stored["trainer"], "extra": own}
    return stored


def _damaged(folder: Path, reason: str) -> ModelError:
    return ModelError(f"checkpoint {folder} is damaged ({reason}); use an earlier one, or remove it")
