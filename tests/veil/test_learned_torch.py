"""The encoder on a torch device: as on the CPU, but for values on the edge between two levels."""

import sys

import numpy as np
import pytest
import torch

from raypp.errors import SpecError
from raypp.veil.learned import EncoderNetwork
from raypp.veil.learned_torch import TorchEncoderNetwork
from tests.veil.networks import small_network

_NETWORK = small_network()
_FRAMES = np.random.default_rng(3).integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)


def test_levels_are_those_of_onnxruntime_but_on_the_edge() -> None:
    on_cpu, on_torch = EncoderNetwork(_NETWORK), TorchEncoderNetwork(_NETWORK, "cpu")
    for frame in _FRAMES:
        levels, wanted = on_torch.levels(frame), on_cpu.levels(frame)
        assert levels.dtype == np.uint8
        assert levels.shape == wanted.shape == (6, 8, 12)
        assert np.mean(levels != wanted) < 0.01
        assert np.abs(levels.astype(int) - wanted).max() <= 1


def test_it_reads_frames_that_cannot_be_written_and_leaves_precision_as_it_was() -> None:
    frame = _FRAMES[0].copy()
    frame.flags.writeable = False
    before = torch.backends.cudnn.conv.fp32_precision
    network = TorchEncoderNetwork(_NETWORK, "cpu")
    assert np.array_equal(network.levels(frame), network.levels(_FRAMES[0]))
    assert torch.backends.cudnn.conv.fp32_precision == before


def test_what_cannot_run_is_named_and_nothing_of_the_network_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="`device` 'gpu9': torch has no such device here"):
        TorchEncoderNetwork(_NETWORK, "gpu9")
    with pytest.raises(SpecError, match="torch cannot read it; leave `device` out") as caught:
        TorchEncoderNetwork(b"no network", "cpu")
    assert caught.value.__context__ is None
    assert repr(TorchEncoderNetwork(_NETWORK, "cpu")) == repr(EncoderNetwork(_NETWORK)).replace(
        "EncoderNetwork", "TorchEncoderNetwork"
    )
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(SpecError, match=r"needs onnx2torch and onnxscript; install raypp\[learned-gpu\]"):
        TorchEncoderNetwork(_NETWORK, "cpu")
