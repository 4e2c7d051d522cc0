"""YOLOv7 is libreyolo's network, layer by layer, and takes its public weights; on codes it loses its first stages."""

import sys
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector, load_public_weights
from raypp.errors import ModelError

_CLASSES = ("hammer", "saw")


def _theirs(folder: Path, seed: int) -> nn.Module:
    """libreyolo's own network at an eighth of its width, with means and spreads as if it were trained."""
    from libreyolo.models.yolo7.net import _V7_YAML, YOLOv7Model  # two seconds in each process that collects tests

    described = yaml.safe_load(_V7_YAML.read_text())
    for part in ("backbone", "head"):
        for entry in described["model"][part]:
            arguments = next(iter(entry.values())).get("args") or {}
            if "out_channels" in arguments:
                arguments["out_channels"] //= 8
    narrow = folder / "narrow.yaml"
    narrow.write_text(yaml.safe_dump(described))
    torch.manual_seed(seed)
    model = YOLOv7Model(len(_CLASSES), narrow)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("authors", [False, True], ids=["libreyolo", "authors"])
def test_public_weights_give_the_boxes_that_libreyolo_gives(tmp_path: Path, authors: bool) -> None:
    from libreyolo.models.yolo7.export import YOLO7ExportWrapper

    theirs = _theirs(tmp_path, 0)
    state = theirs.state_dict()
    flat = {name.removeprefix("layers."): tensor for name, tensor in state.items()}
    torch.save(flat if authors else {"model": state, "nc": 2, "names": {0: "hammer"}}, tmp_path / "v7.pt")
    ours = build_detector("yolov7p", _CLASSES, None).eval()
    assert load_public_weights(ours, tmp_path / "v7.pt") == len(state)
    image = torch.rand(2, 3, 96, 160)
    with torch.no_grad():
        boxes, maps = ours(image)
        wanted = YOLO7ExportWrapper(theirs)(image)
        for mine, other in zip(maps, theirs(image), strict=True):
            assert torch.equal(mine, other)
    corners = torch.cat([boxes[:, :2] - boxes[:, 2:4] / 2, boxes[:, :2] + boxes[:, 2:4] / 2, boxes[:, 4:]], dim=1)
    torch.testing.assert_close(corners, wanted, rtol=1e-5, atol=1e-3)


def test_the_whole_one_has_the_layers_of_its_description() -> None:
    from libreyolo.models.yolo7.net import YOLOv7Model

    model = build_detector("yolov7", _CLASSES, None)
    with torch.device("meta"):
        wanted = YOLOv7Model(len(_CLASSES)).state_dict()
    shapes = {f"model.{name.removeprefix('layers.')}": tensor.shape for name, tensor in wanted.items()}
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == shapes


@pytest.mark.parametrize("patch", [4, 8, 16])
def test_codes_take_the_place_of_the_first_stages(patch: int) -> None:
    plain, veiled = (build_detector("yolov7p", _CLASSES, codes).eval() for codes in (None, CodeInput(8, 2, patch)))
    codes = torch.zeros(1, 9, 192 // patch, 192 // patch, dtype=torch.uint8)
    with torch.no_grad():
        assert veiled(codes)[0].shape == plain(torch.zeros(1, 3, 192, 192))[0].shape
    cut = sum(isinstance(layer, nn.Identity) for layer in veiled.model)
    kept = {name for name in veiled.state_dict() if int(name.split(".")[1]) > cut}
    assert kept == {name for name in plain.state_dict() if int(name.split(".")[1]) > cut}


def test_what_is_no_weights_and_a_missing_package_are_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "v7.pt"
    broken.write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match=r"no checkpoint of YOLOv7 .*give libreyolo's or the authors' v7\.pt"):
        load_public_weights(build_detector("yolov7p", _CLASSES, None), broken)
    monkeypatch.setitem(sys.modules, "libreyolo", None)
    with pytest.raises(ModelError, match=r"model yolov7 needs libreyolo; install raypp\[yolov7\]"):
        build_detector("yolov7", _CLASSES, None)
