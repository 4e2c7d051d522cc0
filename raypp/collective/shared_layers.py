"""Layers that sites share, as one vector: weights of trunk and head, and nothing of the adapter or of statistics."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
import torch
from torch import Tensor

from raypp.collective.plan import Layers
from raypp.collective.weights import Vector
from raypp.detect.adapter import CodeAdapter
from raypp.detect.ultralytics import DetectionModel

_FIXED = ".dfl."
"""A projection that no training changes."""


@dataclass(frozen=True)
class SharedLayers:
    """Names and shapes of the shared weights, in the order of the vector."""

    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, model: DetectionModel, layers: tuple[Layers, ...]) -> Self:
        """Return the shared weights of a detector.

        Args:
            model: on codes.
            layers: which ones.
        """
        adapters = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, CodeAdapter))
        head = f"model.{len(model.model) - 1}."
        chosen = []
        for name, parameter in model.named_parameters():
            kind = Layers.HEAD if name.startswith(head) else Layers.TRUNK
            if kind in layers and not name.startswith(adapters) and _FIXED not in name:
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
