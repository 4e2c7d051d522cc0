"""Whether a training computes in half precision."""

import torch


def half_precision(device: torch.device, amp: bool | None = None) -> torch.dtype | None:
    """Choose the half-precision type that a training computes in, beside float32 weights.

    Args:
        device: where it runs.
        amp: whether it shall; None for wherever the hardware multiplies matrices of that type: a GPU, or a CPU with
            AMX. Other CPUs take longer with it.

    Returns:
        float16 on a GPU, bfloat16 on a CPU, or None for float32 throughout.
    """
    on_gpu = device.type == "cuda"
    if not (on_gpu or _has_amx() if amp is None else amp):
        return None
    return torch.float16 if on_gpu else torch.bfloat16


def resumed_precision(device: torch.device, half: str | None) -> torch.dtype | None:
    """Choose the half-precision type of a training that goes on, and was told none.

    Args:
        device: where it goes on.
        half: what its state says, as in `TrainingState`; where it says nothing, a GPU computed in float16, and a CPU
            in float32.
    """
    was_half = device.type == "cuda" if half is None else bool(half)
    return half_precision(device, was_half)


def _has_amx() -> bool:
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))
