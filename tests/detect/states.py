"""States of trainings that never ran, around the weights of a detector."""

from raypp.detect.training_state import TrainingState
from raypp.detect.ultralytics import DetectionModel


def state_of(model: DetectionModel, epoch: int) -> TrainingState:
    """A state whose weights and averages are a detector's."""
    weights = model.state_dict()
    return TrainingState(epoch=epoch, model=weights, ema=weights, updates=0, optimizer={}, scaler={})
