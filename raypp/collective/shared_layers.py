"""Layers as one vector: weights of trunk and head that sites share, or of what is trained under noise."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
import torch
from torch import Tensor

from raypp.collective.plan import Layers
from raypp.collective.privacy_options import PrivateLayers
from raypp.collective.weights import Vector
from raypp.detect.adapter import CodeAdapter
from raypp.detect.model import head_of
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError

_FIXED = ".dfl."
"""A projection that no training changes."""
_BRANCHES = ("cv2", "cv3", "one2one_cv2", "one2one_cv3")
"""Of a head: their last layers give boxes and classes."""


@dataclass(frozen=True)
class SharedLayers:
    """Names and shapes of the shared weights, in the order of the vector."""

    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, model: DetectionModel, layers: Collection[str]) -> Self:
        """Return the weights of some layers of a detector; statistics of normalisations are in none of them.

        Args:
            model: on codes.
            layers: which ones: names of `Layers` or `PrivateLayers`.

        Raises:
            ModelError: if the head has no last layers as ultralytics has them, and these are named.
        """
        adapters = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, CodeAdapter))
        head = f"model.{len(model.model) - 1}."
        last = _last_of_head(model, head) if PrivateLayers.HEAD_LAST in layers else ()
        chosen = []
        for name, parameter in model.named_parameters():
            if name.startswith(adapters):
                is_chosen = PrivateLayers.ADAPTER in layers
            elif name.startswith(head):
                is_chosen = Layers.HEAD in layers or name.startswith(last)
            else:
                is_chosen = Layers.TRUNK in layers
            if is_chosen and _FIXED not in name:
                chosen.append((name, tuple(parameter.shape)))
        return cls(tuple(chosen))

    @property
    def size(self) -> int:
        """How many weights."""
        return sum(prod(shape) for _, shape in self.shapes)

    @property
    def digest(self) -> str:
        """SHA-256 of names and shapes, 64 hex digits."""
        return hashlib.sha256(json.dumps(self.shapes).encode()).hexdigest()

    def read(self, tensors: Mapping[str, Tensor]) -> Vector:
        """Return the shared weights of a detector's tensors, float32[P]."""
        return torch.cat([tensors[name].detach().float().reshape(-1) for name, _ in self.shapes]).numpy()

    def write(self, tensors: Mapping[str, Tensor], vector_P: Vector) -> dict[str, Tensor]:
        """Return a detector's tensors with the shared weights of a vector, float32[P]."""
        changed, place = dict(tensors), 0
        values = torch.from_numpy(np.ascontiguousarray(vector_P))
        for name, shape in self.shapes:
            count = prod(shape)
            changed[name] = values[place : place + count].reshape(shape).to(tensors[name].dtype)
            place += count
        return changed


def _last_of_head(model: DetectionModel, head: str) -> tuple[str, ...]:
    branches = {name: getattr(head_of(model), name, None) or () for name in _BRANCHES}
    last = tuple(
        f"{head}{name}.{number}.{len(branch) - 1}."
        for name, each in branches.items()
        for number, branch in enumerate(each)
    )
    if not last:
        raise ModelError("this detector's head has no branches whose last layers can be trained alone; have head")
    return last
