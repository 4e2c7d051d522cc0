"""An encoder in whole numbers: the same codes from torch and from any kernels and threads of onnxruntime."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from raypp.audit.targets.program import Program
from raypp.detect.encoder_kind import EncoderKind
from raypp.detect.integer_encoder import IntegerEncoder
from raypp.detect.warm_start import open_warm_start
from raypp.errors import SpecError
from raypp.fit.fitting import build_fit
from raypp.fit.integer_onnx import integer_onnx
from raypp.fit.settings import FitSettings
from raypp.fit.stem import stem_of
from raypp.fit.warm_start import write_warm_start
from raypp.veil.learned import INPUT, OUTPUT, EncoderNetwork
from raypp.veil.learned_torch import TorchEncoderNetwork

CHANNELS, LEVELS = 5, 8
KNOWN = "914b071bff16bf2405cba2734a05a0bbb37f5e44ec8d57688b1810d324464398"
"""SHA-256 of the levels of `FRAME`, whatever the processor."""
FRAME = np.random.default_rng(7).integers(0, 256, (96, 160, 3), dtype=np.uint8)


def _encoder(patch: int = 8) -> IntegerEncoder:
    """An encoder whose weights and moments numpy drew: torch's chance and sums have no part in them."""
    encoder, chance = IntegerEncoder(patch, CHANNELS, LEVELS), np.random.default_rng(patch)
    with torch.no_grad():
        for tensor in encoder.state_dict().values():
            if tensor.ndim > 1:
                fan = tensor[0].numel()
                tensor.copy_(torch.from_numpy(chance.normal(0.5 / fan, (2 / fan) ** 0.5, tensor.shape)))
        encoder.bottleneck.bias.zero_()
        encoder.norm.running_mean.fill_(0.5)
        encoder.norm.running_var.fill_(0.25)
    return encoder.eval()


def _levels_of_torch(encoder: IntegerEncoder, frame: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return encoder(torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255)[0].numpy()


def _run(content: bytes, threads: int, *, optimised: bool) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    return session.run([OUTPUT], {INPUT: FRAME[None]})[0][0]


@pytest.mark.parametrize("patch", [4, 8, 16])
def test_the_network_at_the_edge_gives_the_levels_of_the_fit_to_the_last(patch: int) -> None:
    encoder = _encoder(patch)
    network = EncoderNetwork(integer_onnx(encoder))
    for frame in (FRAME, FRAME[:64, :64], FRAME[:48, :112]):
        levels, wanted = network.levels(np.ascontiguousarray(frame)), _levels_of_torch(encoder, frame)
        assert levels.shape == (CHANNELS, frame.shape[0] // patch, frame.shape[1] // patch)
        assert np.array_equal(levels, wanted)
        assert len(np.unique(levels)) == LEVELS


def test_kernels_and_threads_give_the_same_bytes_as_everywhere() -> None:
    content = integer_onnx(_encoder())
    levels = [_run(content, threads, optimised=optimised) for threads in (1, 2) for optimised in (True, False)]
    assert {hashlib.sha256(each.tobytes()).hexdigest() for each in levels} == {KNOWN}


def test_no_value_between_pixels_and_levels_is_in_floating_point() -> None:
    graph = onnx.load_from_string(integer_onnx(_encoder())).graph
    assert {node.op_type for node in graph.node} == {"Reshape", "Transpose", "QLinearConv", "Min"}
    weights = [numpy_helper.to_array(each) for each in graph.initializer if each.name.startswith("weights")]
    assert len(weights) == 5
    for each in weights:
        assert each.dtype == np.int8
        assert np.abs(each).max() == 63  # where products are gathered in 16 bits by twos, none is cut off


def test_gradients_pass_the_steps_while_it_learns() -> None:
    encoder = _encoder().train()
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    encoder(images).square().sum().backward()
    assert images.grad is not None
    assert float((images.grad != 0).float().mean()) > 0.9


def test_whoever_holds_it_comes_near_its_levels_with_gradients() -> None:
    encoder = _encoder()
    pixels = torch.from_numpy(FRAME).permute(2, 0, 1)[None].float().requires_grad_()
    values = Program.of(integer_onnx(encoder))(pixels)
    wanted = _levels_of_torch(encoder, FRAME)
    assert np.mean(values[0].detach().round().clamp(0, LEVELS - 1).numpy() == wanted) > 0.9
    (slopes,) = torch.autograd.grad(values.square().sum(), [pixels])
    assert float((slopes != 0).float().mean()) > 0.9


def test_a_warm_start_says_which_kind_it_is(tmp_path: Path) -> None:
    settings = FitSettings(data=str(tmp_path), architecture="yolov8p", channels=6, encoder=EncoderKind.INTEGER)
    model = build_fit(settings, ("hammer", "saw"))
    write_warm_start(settings, ("hammer", "saw"), model.state_dict(), tmp_path)
    header, stem = open_warm_start(tmp_path / "warm-start.safetensors")
    assert header.encoder is EncoderKind.INTEGER
    assert isinstance(stem.encoder, IntegerEncoder)
    kept = stem_of(model).encoder.bottleneck.weight
    assert torch.equal(stem.encoder.bottleneck.weight, kept)


def test_it_runs_on_no_torch_device_and_that_shows_nothing_of_it() -> None:
    content = integer_onnx(_encoder())
    with pytest.raises(SpecError, match="one of integers, which are fastest on CPUs; leave `device` out") as caught:
        TorchEncoderNetwork(content, "cpu")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
