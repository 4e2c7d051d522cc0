"""Training on one unit at a time, always from the same weights: what changes is of this unit's frames alone.

A detector's loss is divided by a sum over its batch, and normalisations mix a batch, so gradients of single frames are
not those of a batch. Here a batch holds one unit, normalisations are frozen, and nothing is mixed over units.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raypp.collective.shared_layers import SharedLayers
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.ultralytics import DetectionModel

_MOST_GRADIENT = 10.0


class UnitTraining:
    """Trains some layers of a detector on units.

    Args:
        model: the detector, with the weights that each unit starts from; its other weights never change.
        layers: that are trained.
        rate: learning rate.
        epochs: passes over a unit's frames.
    """

    def __init__(self, model: DetectionModel, layers: SharedLayers, rate: float, epochs: int) -> None:
        self._model, self._rate, self._epochs = model, rate, epochs
        parameters = dict(model.named_parameters())
        self._trained = [parameters[name] for name, _ in layers.shapes]
        for parameter in model.parameters():
            parameter.requires_grad = False
        for parameter in self._trained:
            parameter.requires_grad = True
        self._start = [parameter.detach().clone() for parameter in self._trained]
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        model.criterion = model.init_criterion()

    def change(self, batches: Iterable[DetectionBatch]) -> npt.NDArray[np.float64]:
        """Train on a unit's frames, and return what that has changed, float64[D] in the order of the layers.

        Args:
            batches: of the unit's frames; they are gone through as often as there are epochs.
        """
        self._put(self._start)
        units = list(batches)
        for _ in range(self._epochs):
            for batch in units:
                loss, _items = self._model(batch.to_ultralytics(torch.device("cpu")))
                gradients = torch.autograd.grad(loss.sum() / len(batch), self._trained, allow_unused=True)
                self._step(gradients)
        changes = (now.detach() - start for now, start in zip(self._trained, self._start, strict=True))
        return torch.cat([change.double().reshape(-1) for change in changes]).numpy()

    def _put(self, values: Iterable[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self._trained, values, strict=True):
                parameter.copy_(value)

    def _step(self, gradients: Iterable[Tensor | None]) -> None:
        there = [torch.zeros(()) if gradient is None else gradient for gradient in gradients]
        length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(gradient) for gradient in there]))
        rate = self._rate * min(1.0, _MOST_GRADIENT / max(float(length), 1e-12))
        with torch.no_grad():
            for parameter, gradient in zip(self._trained, there, strict=True):
                parameter.sub_(rate * gradient)
