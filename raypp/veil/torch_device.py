"""Devices that torch veils on, and full float32 there: reduced-precision products (TF32, bf16) would round."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from raypp.errors import SpecError


def torch_device(name: str) -> torch.device:
    """Return a torch device; raises SpecError if there is none of that name, or not on this machine."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):  # the latter: torch built without CUDA
        raise SpecError(f"`device` {name!r}: torch has no such device here; name another, or leave it out") from None
    return device


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Compute products and convolutions in full float32 whatever the caller has set: autocast, TF32 or bf16."""
    backends: Any = torch.backends  # its modules are instances, whose attributes mypy does not see
    products = (backends.cuda.matmul, backends.mkldnn.matmul, backends.cudnn.conv, backends.mkldnn.conv)
    before = [product.fp32_precision for product in products]
    try:
        for product in products:
            product.fp32_precision = "ieee"
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for product, precision in zip(products, before, strict=True):
            product.fp32_precision = precision
