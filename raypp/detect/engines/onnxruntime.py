"""ONNX Runtime: a detector's program on the CPU, in float32."""

from typing import Any

import torch
from torch import Tensor

from raypp.detect.engines.network import Run


def run_onnxruntime(program: bytes, threads: int) -> Run:
    """Return what runs a program by ONNX Runtime on the CPU, on a fixed number of threads."""
    import onnxruntime  # noqa: PLC0415 - an engine is loaded where it is chosen

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the CPU to others
    options.log_severity_level = 3
    session: Any = onnxruntime.InferenceSession(program, options, ["CPUExecutionProvider"], enable_fallback=0)
    (given,) = session.get_inputs()

    def run(codes: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {given.name: codes.numpy()})[0])

    return run
