"""TensorRT: a detector's program on an NVIDIA GPU, in float32."""

from typing import Any

import torch
from torch import Tensor

from raypp.detect.engines.network import BatchShape, Run
from raypp.errors import ModelError


def run_tensorrt(program: bytes, shape: BatchShape) -> Run:
    """Build an engine of a program for this GPU, which takes a minute or so, and return what runs it.

    TensorRT times its kernels when it builds an engine, and takes the fastest. So two builds may add up in another
    order; one build does not.

    Args:
        program: the ONNX file's bytes.
        shape: of the input.

    Raises:
        ModelError: if the installed TensorRT cannot read the program, or build an engine of it.
    """
    import tensorrt  # noqa: PLC0415 - an engine is loaded where it is chosen

    logger = tensorrt.Logger(tensorrt.Logger.ERROR)
    builder = tensorrt.Builder(logger)
    network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(program):
        raise ModelError(f"TensorRT cannot read this detector: {parser.get_error(0).desc()}; choose `engine` torch")
    config = builder.create_builder_config()
    config.clear_flag(tensorrt.BuilderFlag.TF32)  # it would round what is multiplied to ten bits
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise ModelError("TensorRT cannot build an engine of this detector on this GPU; choose `engine` torch")
    engine: Any = tensorrt.Runtime(logger).deserialize_cuda_engine(plan)
    context = engine.create_execution_context()
    given, output = engine.get_tensor_name(0), engine.get_tensor_name(1)
    codes_in = torch.empty(shape.sizes, dtype=torch.uint8, device="cuda")
    out = torch.empty(tuple(engine.get_tensor_shape(output)), dtype=torch.float32, device="cuda")
    context.set_tensor_address(given, codes_in.data_ptr())
    context.set_tensor_address(output, out.data_ptr())
    stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def run(codes: Tensor) -> Tensor:
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            codes_in.copy_(codes)
            if not context.execute_async_v3(stream.cuda_stream):
                raise RuntimeError("TensorRT could not run the detector")
            detections = out.clone()  # the next batch overwrites it
        torch.cuda.current_stream().wait_stream(stream)
        return detections

    return run
