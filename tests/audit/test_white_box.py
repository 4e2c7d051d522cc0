"""Under its key a veil is, in real numbers, what it is in codes; and what holds the key is as secret as it."""

import pickle

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from raypp.audit.core.model import Codes, Frames, WhiteBox
from raypp.audit.targets.program import Program
from raypp.audit.targets.target import SITE
from raypp.audit.targets.white_box import open_white_box
from raypp.errors import ModelError
from raypp.veil.key import VeilKey
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import LearnedSpec, PatchSpec, VeilSpec
from raypp.veil.veil import Veil
from tests.audit.images import shapes
from tests.veil.networks import small_network

KEY, NETWORK = VeilKey(bytes(range(32))), small_network()
LEARNED = LearnedSpec(channels=6, bits=3, sub_keys=3, encoder=KEY.name_encoder(NETWORK))
FRAMES = shapes(2, (96, 128), 0).frames


def opened(spec: VeilSpec) -> tuple[WhiteBox, Codes]:
    network = EncoderNetwork(NETWORK) if isinstance(spec, LearnedSpec) else None
    encoder = Veil(spec, KEY, network).stream(SITE, "one")
    return open_white_box(encoder), encoder.encode(FRAMES)


def agreement(white_box: WhiteBox, codes: Codes, frames: Frames) -> float:
    values = white_box.values(torch.from_numpy(frames).permute(0, 3, 1, 2).float())
    return float(np.mean(values.floor().numpy().clip(0, 7) == white_box.levels(codes)))


@pytest.mark.parametrize(
    ("spec", "least"),
    [
        (PatchSpec(), 0.97),  # whole numbers are cut off on the way, which moves a value by less than a 64th of a step
        (PatchSpec(patch=4, fold=0, mix=1, dither=0), 0.97),
        (LEARNED, 0.999),
    ],
)
def test_values_lie_in_the_levels_that_codes_stand_for(spec: VeilSpec, least: float) -> None:
    white_box, codes = opened(spec)
    assert agreement(white_box, codes, FRAMES) >= least
    assert agreement(white_box, codes, FRAMES[::-1].copy()) < 0.6


@pytest.mark.parametrize("spec", [PatchSpec(), LEARNED])
def test_gradients_reach_every_pixel(spec: VeilSpec) -> None:
    white_box, _ = opened(spec)
    pixels = torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float().requires_grad_()
    (slopes,) = torch.autograd.grad(white_box.values(pixels).square().sum(), [pixels])
    assert (slopes != 0).float().mean() > 0.9


def test_a_clipped_value_still_knows_its_way_back() -> None:
    nodes = [
        helper.make_node("Constant", [], ["low"], value=helper.make_tensor("low", 1, [], [0.0])),
        helper.make_node("Constant", [], ["high"], value=helper.make_tensor("high", 1, [], [7.0])),
        helper.make_node("Transpose", ["frame"], ["moved"], perm=[0, 3, 1, 2]),
        helper.make_node("Clip", ["moved", "low", "high"], ["levels"]),
    ]
    model = helper.make_model(helper.make_graph(nodes, "clip", [], []))
    pixels = torch.full((1, 3, 2, 2), 40.0, requires_grad=True)
    output = Program.of(model.SerializeToString())(pixels)
    assert output.tolist() == [[[[7.0] * 2] * 2] * 3]
    assert torch.autograd.grad(output.sum(), [pixels])[0].tolist() == [[[[1.0] * 2] * 2] * 3]


def test_an_operation_that_is_not_known_is_named() -> None:
    graph = helper.make_graph([helper.make_node("Gelu", ["frame"], ["levels"])], "strange", [], [])
    with pytest.raises(ModelError, match="operations without a gradient here: Gelu"):
        Program.of(onnx.ModelProto(graph=graph).SerializeToString())


@pytest.mark.parametrize("spec", [PatchSpec(), LEARNED])
def test_it_is_never_shown_nor_pickled(spec: VeilSpec) -> None:
    white_box, _ = opened(spec)
    assert "secret" in repr(white_box)
    assert "[" not in repr(white_box)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(white_box)
