"""Giving a detector to an engine."""

import torch

from raypp.detect.engines.name import Engine, EngineSettings, Precision, choose_engine, engine_version
from raypp.detect.engines.network import BatchShape, EngineNetwork, Run
from raypp.detect.engines.program import to_program
from raypp.detect.model_info import ModelInfo
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError, RayppError

GPU_BATCH = 16
CPU_BATCH = 1
"""On a CPU a frame costs the same alone as among others, so that nothing is gained by padding."""


def load_network(model: DetectionModel, info: ModelInfo, settings: EngineSettings) -> EngineNetwork:
    """Give a detector to an engine, which computes it in batches of one shape and on a fixed number of threads.

    Args:
        model: the detector, in evaluation mode; not to be used any more.
        info: what it is.
        settings: which engine, and how.

    Raises:
        ModelError: if the engine is not installed, lacks a GPU or the precision, or cannot run the detector.
    """
    gpu = torch.cuda.is_available()
    engine = choose_engine(settings.engine, gpu=gpu)
    on_gpu = gpu and engine in {Engine.TORCH, Engine.TENSORRT}
    if engine is Engine.TENSORRT and not gpu:
        raise ModelError("`engine` tensorrt needs an NVIDIA GPU, and torch finds none; choose `engine` auto")
    if settings.precision is Precision.BFLOAT16 and engine is not Engine.OPENVINO:
        raise ModelError(f"`engine` {engine} computes in float32 alone; choose `engine` openvino for bfloat16")
    batch = settings.batch or (GPU_BATCH if on_gpu else CPU_BATCH)
    shape = BatchShape(batch, info.channels + 1, info.size // info.patch)
    device, end2end, precision = torch.device("cuda" if on_gpu else "cpu"), bool(model.end2end), Precision.FLOAT32
    torch.set_num_threads(settings.threads)
    if engine is Engine.TORCH:
        run = _run_torch(model, device)
    else:
        run, precision = _run_program(engine, to_program(model, shape), shape, settings)
    about = f"{engine} {engine_version(engine)}, {precision}"
    return EngineNetwork(run, shape, device, end2end=end2end, engine=about).eval()


def _run_torch(model: DetectionModel, device: torch.device) -> Run:
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    fused = model.fuse(verbose=False).to(device, memory_format=torch.channels_last).eval()
    return lambda codes: fused(codes.to(device))[0]


def _run_program(engine: Engine, program: bytes, shape: BatchShape, settings: EngineSettings) -> tuple[Run, Precision]:
    """Give a program to an engine; returns what runs it, and its precision."""
    try:
        if engine is Engine.OPENVINO:
            from raypp.detect.engines.openvino import run_openvino  # noqa: PLC0415

            return run_openvino(program, settings.threads, settings.precision)
        if engine is Engine.TENSORRT:
            from raypp.detect.engines.tensorrt import run_tensorrt  # noqa: PLC0415

            return run_tensorrt(program, shape), Precision.FLOAT32
        from raypp.detect.engines.onnxruntime import run_onnxruntime  # noqa: PLC0415

        return run_onnxruntime(program, settings.threads), Precision.FLOAT32
    except RayppError:
        raise
    except Exception as error:  # noqa: BLE001 - each engine raises its own
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"`engine` {engine} cannot run this detector: {reason}; choose `engine` torch") from None
