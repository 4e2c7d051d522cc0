"""The patch veil on torch, for GPUs: the same bytes as on numpy, since both are exact.

Only matrix products in full float32 are used: reduced-precision products (TF32, bf16) would round.
"""

import numpy as np
import torch

from raypp.veil.packing import Codes
from raypp.veil.patch import Frames, PatchEncoder, check_frames
from raypp.veil.torch_device import full_float32, torch_device


class TorchPatchEncoder:
    """The patch veil of one stream on a torch device, whole batches at a time.

    Args:
        encoder: the numpy encoder of the stream, whose tables are copied to the device.
        device: a torch device, such as "cuda" or "cpu".

    Raises:
        SpecError: if there is no such device.
    """

    def __init__(self, encoder: PatchEncoder, device: str = "cuda") -> None:
        self.sub_key = encoder.sub_key
        self._base = encoder
        self._device = torch_device(device)
        self._first = torch.from_numpy(encoder.tables.first).to(self._device, torch.float32)
        self._second = torch.from_numpy(encoder.tables.second).to(self._device, torch.float32)
        self._offset = torch.from_numpy(encoder.tables.offset).to(self._device)

    def __repr__(self) -> str:
        return f"TorchPatchEncoder(sub_key={self.sub_key}, device={self._device})"

    @torch.inference_mode()
    def encode(self, frames: Frames) -> Codes:
        """Veil frames; arguments, result and errors as in `PatchEncoder.encode`."""
        check_frames(frames, self._base.spec.patch)
        if not frames.size:
            return self._base.encode(frames)
        if not frames.flags.writeable:
            # Frames out of Ray's object store are read-only, which torch takes as a view only under a warning.
            frames = frames.copy()
        with full_float32(self._device):
            return self._encode(frames)

    def _encode(self, frames: Frames) -> Codes:
        spec, tables = self._base.spec, self._base.tables
        count, rows, columns = len(frames), frames.shape[1] // spec.patch, frames.shape[2] // spec.patch
        pixels_NHWC = torch.from_numpy(np.ascontiguousarray(frames)).to(self._device)
        blocks = pixels_NHWC.reshape(count, rows, spec.patch, columns, spec.patch * 3).transpose(2, 3)
        patches_NSK = blocks.reshape(count, rows * columns, -1).to(torch.float32)
        added = torch.from_numpy(self._base.added((rows, columns))).to(self._device)
        projected_NCS = self._first @ patches_NSK.transpose(1, 2)
        # In float64: torch's float32 root on the CPU is an ulp off for a fifth of all values (2.13), which can reach
        # the next integer; in float64 that ulp is far too small to.
        rooted_NCS = torch.copysign(projected_NCS.abs().to(torch.float64).sqrt_(), projected_NCS)
        value_NCS = _fold(rooted_NCS.to(torch.int32) + self._offset, tables.period)
        value_NCS = (self._second @ value_NCS.to(torch.float32)).to(torch.int32) + added
        value_NCS = _fold(value_NCS, tables.span).clamp_(max=tables.span - 1)
        value_NCS = value_NCS >> (tables.span.bit_length() - 1 - spec.bits)
        return value_NCS.to(torch.uint8).reshape(count, spec.channels, rows, columns).cpu().numpy()


def _fold(value: torch.Tensor, height: int) -> torch.Tensor:
    return ((value & (2 * height - 1)) - height).abs_()
