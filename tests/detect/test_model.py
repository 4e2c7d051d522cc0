"""A detector on codes is the plain detector but for its first stages: strides, biases, anchors, boxes."""

import re
from pathlib import Path

import cv2
import PIL.Image
import pytest
import torch
from torch import nn

from raypp.detect.inputs.batch import NO_CELL
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector, head_of, load_public_weights, load_trained_weights, read_checkpoint
from raypp.detect.ultralytics import DetectionModel, DetectionTrainer, default_arguments, torch_safe_load
from raypp.errors import ModelError
from tests.data import shared_data

_CLASSES = ("hammer", "saw", "wrench")
_FAMILIES = ["yolov8n", "yolov5nu", "yolov9t", "yolov10n", "yolo11n", "yolo26n"]
_PATCHES = [4, 8, 16]


def _codes(codes: CodeInput, pixels: int, batch: int = 2) -> torch.Tensor:
    grid = pixels // codes.patch
    chance = torch.Generator().manual_seed(0)
    values = torch.randint(0, 1 << codes.bits, (batch, codes.channels, grid, grid), dtype=torch.uint8, generator=chance)
    sub_keys = torch.arange(batch, dtype=torch.uint8)[:, None, None, None] % codes.sub_keys
    return torch.cat([values, sub_keys.expand(-1, 1, grid, grid)], dim=1)


@pytest.mark.parametrize("patch", _PATCHES)
@pytest.mark.parametrize("family", _FAMILIES)
def test_strides_biases_and_anchors_are_those_of_plain(family: str, patch: int) -> None:
    torch.manual_seed(0)
    plain = build_detector(family, _CLASSES, None)
    codes = CodeInput(16, 3, patch)
    veiled = build_detector(family, _CLASSES, codes)
    assert torch.equal(head_of(veiled).stride, head_of(plain).stride)
    assert head_of(veiled).stride.tolist() == [8, 16, 32]
    for ours, theirs in zip(_biases(veiled), _biases(plain), strict=True):
        assert torch.equal(ours, theirs)
    plain.eval()
    veiled.eval()
    with torch.no_grad():
        boxes_plain = plain(torch.rand(2, 3, 192, 192))[0]
        boxes_veiled = veiled(_codes(codes, 192))[0]
    assert boxes_veiled.shape == boxes_plain.shape
    if not plain.end2end:
        assert torch.equal(head_of(veiled).anchors, head_of(plain).anchors)
        assert torch.equal(head_of(veiled).strides, head_of(plain).strides)


@pytest.mark.parametrize("patch", _PATCHES)
def test_the_same_features_give_the_same_boxes(patch: int) -> None:
    """With the plain detector's own first stages in the adapter's place, nothing is left that differs."""
    plain = build_detector("yolov8n", _CLASSES, None).eval()
    veiled = build_detector("yolov8n", _CLASSES, CodeInput(16, 3, patch)).eval()
    veiled.load_state_dict(plain.state_dict(), strict=False)
    cut = sum(isinstance(layer, nn.Identity) for layer in veiled.model) + 1
    first = nn.Sequential(*[plain.model[number] for number in range(cut)])
    first.i, first.f, first.type = cut - 1, -1, "first"
    veiled.model[cut - 1] = first
    image = torch.rand(1, 3, 256, 256)
    with torch.no_grad():
        assert torch.equal(veiled(image)[0], plain(image)[0])


def _biases(model: DetectionModel) -> list[torch.Tensor]:
    head = head_of(model)
    return [branch[-1].bias for branches in (head.cv2, head.cv3) for branch in branches]


class _Noted:
    """A type that no checkpoint of detectors holds; it notes when it is brought to life."""

    brought_to_life = 0

    def __setstate__(self, _: object) -> None:
        type(self).brought_to_life += 1


def test_weights_that_hold_another_type_are_refused_and_it_is_not_brought_to_life(tmp_path: Path) -> None:
    noted = _Noted()
    noted.__dict__["x"] = 1
    torch.save({"model": noted}, tmp_path / "odd.pt")
    with pytest.raises(ModelError, match=r"odd\.pt: no ultralytics checkpoint \(.*types outside") as refused:
        read_checkpoint(tmp_path / "odd.pt")
    assert "\n" not in str(refused.value)
    assert _Noted.brought_to_life == 0
    torch.load(tmp_path / "odd.pt", weights_only=False)
    assert _Noted.brought_to_life == 1, "the file would have brought it to life"


def test_public_weights_tell_the_adapter_what_the_trunk_expects() -> None:
    weights = shared_data("weights", "yolov8n.pt")
    plain = build_detector("yolov8n", _CLASSES, None)
    veiled = build_detector("yolov8n", _CLASSES, CodeInput(16, 3, 8))
    for model in (plain, veiled):
        load_public_weights(model, weights)
    assert torch.equal(veiled.model[3].bn.weight, plain.model[3].bn.weight)
    assert torch.equal(veiled.model[3].bn.bias, plain.model[3].bn.bias)


def test_public_weights_load_wherever_they_fit() -> None:
    weights = shared_data("weights", "yolov8n.pt")
    plain = build_detector("yolov8n", _CLASSES, None)
    veiled = build_detector("yolov8n", _CLASSES, CodeInput(16, 3, 8))
    of_plain, of_veiled = load_public_weights(plain, weights), load_public_weights(veiled, weights)
    assert 0.8 * of_plain < of_veiled < of_plain
    kept = {name: tensor for name, tensor in plain.state_dict().items() if name in veiled.state_dict()}
    same = [torch.equal(tensor, veiled.state_dict()[name]) for name, tensor in kept.items() if "cv3" not in name]
    assert all(same)
    assert any(name.startswith("model.4.") for name in kept)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken"])
def test_weights_that_are_none_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"w\.pt: no ultralytics checkpoint"):
        load_public_weights(build_detector("yolov8n", _CLASSES, None), path)


@pytest.mark.parametrize("name", ["yolo-nonsense", "yolov8n-seg-nonsense", "../x"])
def test_an_unknown_architecture_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="unknown"):
        build_detector(name, _CLASSES, None)


def test_every_code_value_counts_by_itself() -> None:
    """No order among values: swapping two names of a value in codes and weights changes nothing."""
    veiled = build_detector("yolov8n", _CLASSES, CodeInput(4, 2, 8)).eval()
    adapter = veiled.model[3]
    codes = _codes(CodeInput(4, 2, 8), 64)
    swapped = codes.clone()
    values, new = codes[:, :-1], swapped[:, :-1]
    new[values == 0], new[values == 3] = 3, 0
    with torch.no_grad():
        before = adapter(codes)
        weight = adapter.embed.weight.view(-1, 4, 4, 1, 1)
        weight.copy_(weight[:, :, [3, 1, 2, 0]].clone())
        torch.testing.assert_close(adapter(swapped), before)
        assert not torch.allclose(adapter(codes), before)


def test_each_sub_key_has_weights_of_its_own_and_no_cell_has_none() -> None:
    codes = CodeInput(4, 2, 8, sub_keys=3)
    adapter = build_detector("yolov8n", _CLASSES, codes).eval().model[3]
    inputs = _codes(codes, 64, batch=3)
    adapter.mix.weight.data[:, :, [0, 2]] = adapter.mix.weight.data[:, :, :, [0, 2]] = 0  # no neighbours
    with torch.no_grad():
        before = adapter(inputs)
        adapter.embed.weight[adapter.width : 2 * adapter.width] += 1
        after = adapter(inputs)
        nothing = adapter(torch.full_like(inputs, NO_CELL))
    assert torch.equal(after[0], before[0])
    assert torch.equal(after[2], before[2])
    assert not torch.allclose(after[1], before[1])
    assert torch.unique(nothing.flatten(2), dim=2).shape[2] == 1


def test_the_library_changes_nothing_for_the_rest_of_the_process() -> None:
    assert PIL.Image.open.__module__ == "PIL.Image"
    assert torch.save.__module__ == "torch.serialization"
    assert type(cv2.imread).__name__ == "builtin_function_or_method"


@pytest.mark.parametrize("codes", [None, CodeInput(16, 3, 8)])
def test_public_weights_load_as_ultralytics_fine_tunes(codes: CodeInput | None) -> None:
    weights = shared_data("weights", "yolov8n.pt")
    classes = ("scissors", "hammer", "Knife")
    theirs = DetectionTrainer.__new__(DetectionTrainer)
    theirs.args = default_arguments()
    theirs.data = {"nc": len(classes), "names": dict(enumerate(classes)), "channels": 3}
    public = torch_safe_load(str(weights))[0]["model"].float()
    expected = theirs.get_model(public.yaml, public, verbose=False).state_dict()
    mine = build_detector("yolov8n", classes, codes)
    load_public_weights(mine, weights)
    head = f"model.{len(mine.model) - 1}."
    tensors = {name: tensor for name, tensor in mine.state_dict().items() if name.startswith((head, "model.4."))}
    assert len(tensors) > 100
    known = [0, 2]  # no class of the public weights is called hammer
    for name, tensor in tensors.items():
        rows = known if re.search(r"cv3\.\d\.2\.", name) else slice(None) if tensor.ndim else ...
        assert torch.equal(tensor[rows], expected[name][rows]), name


def test_a_detector_with_public_class_branches_is_built_again_from_its_weights() -> None:
    weights = shared_data("weights", "yolov8n.pt")
    first = build_detector("yolov8n", _CLASSES, CodeInput(16, 3, 8))
    load_public_weights(first, weights)
    again = build_detector("yolov8n", _CLASSES, CodeInput(16, 3, 8))
    load_trained_weights(again, first.state_dict())
    codes = torch.randint(0, 8, (1, 17, 32, 32), dtype=torch.uint8)
    codes[:, -1] = 0
    with torch.no_grad():
        assert torch.equal(first.eval()(codes)[0], again.eval()(codes)[0])
