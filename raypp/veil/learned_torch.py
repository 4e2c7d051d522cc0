"""The encoder of a learned veil on torch, for GPUs, read from the same ONNX file that onnxruntime runs on CPUs.

Both compute in full float32. Their sums go in other orders, so a value on the edge between two levels may fall to
either side: codes are the same on one kind of processor, and nearly the same on two.
"""

import io
import warnings

import numpy as np
import numpy.typing as npt
import torch

from raypp.errors import SpecError
from raypp.veil.key import Secret
from raypp.veil.torch_device import full_float32, torch_device

_OF_INTEGERS = "QLinearConv"
"""The operation of encoders in whole numbers."""


class TorchEncoderNetwork(Secret):
    """An encoder as torch runs it on a device, one frame at a time; shared by all streams of a process.

    Args:
        content: the ONNX file's bytes.
        device: a torch device, such as "cuda" or "cpu".

    Attributes:
        content: the same.

    Raises:
        SpecError: if onnx2torch or onnxscript is missing, there is no such device, or torch cannot run the encoder.
    """

    def __init__(self, content: bytes, device: str = "cuda") -> None:
        self.content = content
        del content  # a traceback may show locals
        self._device = torch_device(device)
        self._network = _read(self.content).to(self._device)

    @torch.inference_mode()
    def levels(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Encode one frame, uint8[H, W, 3], to uint8[C, H/p, W/p]; the same bytes in any batching."""
        pixels_1HW3 = torch.from_numpy(np.array(frame[None])).to(self._device)
        with full_float32(self._device), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # onnx2torch indexes in a way that torch warns of
            levels: npt.NDArray[np.uint8] = self._network(pixels_1HW3)[0].cpu().numpy()
        return levels


def _read(content: bytes) -> torch.nn.Module:
    """Make a torch module of an ONNX file; what is raised shows nothing of the network."""
    try:
        import onnx  # noqa: PLC0415 - only a learned veil on a GPU needs them
        from onnx2torch import convert  # noqa: PLC0415
        from onnxscript.optimizer import optimize  # noqa: PLC0415
    except ImportError:
        raise SpecError(
            "a learned veil on a torch device needs onnx2torch and onnxscript; install raypp[learned-gpu]"
        ) from None
    fault = "torch cannot read it"
    network: torch.nn.Module | None = None
    try:
        program = onnx.load_model(io.BytesIO(content))
        if any(node.op_type == _OF_INTEGERS for node in program.graph.node):
            fault = "it is one of integers, which are fastest on CPUs"
        else:
            network = convert(optimize(program))  # convert knows no weights by two names
    except Exception:  # noqa: BLE001 - of three libraries, with texts that may show the network
        network = None
    if network is None:
        raise SpecError(f"the encoder does not run on a torch device: {fault}; leave `device` out")
    return network.eval()
