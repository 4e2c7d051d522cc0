"""The network that an evaluation runs: the detector as it was trained, or in the engine that a service runs it in."""

import torch

from raypp.detect.engines.load import load_network
from raypp.detect.engines.name import Engine, EngineSettings
from raypp.detect.engines.network import EngineNetwork
from raypp.detect.model_info import ModelInfo
from raypp.detect.ultralytics import DetectionModel


def evaluated_network(
    model: DetectionModel, info: ModelInfo, engine: Engine | None
) -> tuple[DetectionModel | EngineNetwork, torch.device]:
    """Return what computes a detector, and where its detections lie.

    Args:
        model: the detector, in evaluation mode.
        info: what it is.
        engine: as a service has it; None for the detector as it was trained, on a GPU where there is one.

    Raises:
        ModelError: if the engine is not installed here, or cannot run the detector.
    """
    if engine is None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return model.to(device), device
    network = load_network(model, info, EngineSettings(engine, threads=torch.get_num_threads()))
    return network, network.device
