"""OpenVINO: a detector's program on the CPU, in float32, or in bfloat16 where the CPU has matrix tiles (AMX)."""

from typing import Any

import torch
from torch import Tensor

from raypp.detect.engines.name import Precision
from raypp.detect.engines.network import Run
from raypp.errors import ModelError


def run_openvino(program: bytes, threads: int, precision: Precision) -> tuple[Run, Precision]:
    """Return what runs a program by OpenVINO on the CPU, on a fixed number of threads, and in which precision.

    Args:
        program: the ONNX file's bytes.
        threads: to compute with.
        precision: `auto` for bfloat16 where the CPU has instructions for it.

    Raises:
        ModelError: if bfloat16 is asked for, and the CPU has none.
    """
    import openvino  # noqa: PLC0415 - an engine is loaded where it is chosen

    core: Any = openvino.Core()
    has_bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision is Precision.AUTO:
        precision = Precision.BFLOAT16 if has_bfloat16 else Precision.FLOAT32
    elif precision is Precision.BFLOAT16 and not has_bfloat16:
        raise ModelError("`precision` bfloat16 needs a CPU with instructions for it; choose `precision` float32")
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision is Precision.BFLOAT16 else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # beside others on one machine, a thread that may not move waits
    }
    request = core.compile_model(core.read_model(program), "CPU", settings).create_infer_request()

    def run(codes: Tensor) -> Tensor:
        request.infer([codes.numpy()], share_inputs=True)
        return torch.from_numpy(request.get_output_tensor(0).data.copy())  # the next batch overwrites it

    return run, precision
