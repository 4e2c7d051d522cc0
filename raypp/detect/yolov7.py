"""YOLOv7 as ultralytics builds its own detectors: layers by number, one head; its blocks and its loss are libreyolo's.

libreyolo's is the release of YOLOv7 that its authors put under the MIT licence, with the SimOTA loss of YOLOX.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from libreyolo.models.yolo7.blocks import Conv, MultiheadDetection, Pool, RepConv, SPPCSPConv, UpSample
from libreyolo.models.yolo7.loss import YOLOv7Loss
from libreyolo.postprocess.yolo7 import decode_export
from torch import Tensor, nn

from raypp.detect.ultralytics import Concat, DetectionModel
from raypp.errors import ModelError

_INPUT, _PREVIOUS = 0, -1
_BLOCKS = {"Conv": Conv, "RepConv": RepConv, "SPPCSPConv": SPPCSPConv}
_PRIOR = 0.01  # of an anchor to hold an object, and of each class, where a head starts from nothing
_LAYERS = "layers."


class YOLOv7(DetectionModel):  # type: ignore[misc]
    """YOLOv7, which trains, loads, is exported and serves as ultralytics' detectors do.

    Args:
        description: libreyolo's of its layers, with `width`, the multiple of their channels.
        classes: how many classes it tells apart.
    """

    def __init__(self, description: Mapping[str, Any], classes: int) -> None:
        nn.Module.__init__(self)
        self.yaml = dict(description)
        layers = _layers(description, classes)
        self.model = nn.Sequential(*layers)
        self.save = sorted({source for layer in layers for source in _listed(layer.f) if source != _PREVIOUS})
        self.stride = torch.tensor([float(stride) for stride in description["anchor"]["strides"]])

    def init_criterion(self) -> "_Criterion":
        """Return its loss, as ultralytics' models do."""
        return _Criterion(cast("AnchorHead", self.model[-1]))


class AnchorHead(MultiheadDetection):  # type: ignore[misc]
    """The head: maps of three anchors a cell; out of training, boxes with them, as ultralytics' heads give them.

    Args:
        channels: of the features that it is given, finest first.
        classes: how many, K.
        anchors: for each feature, widths and heights in pixels.
        strides: of the features, in pixels.
    """

    def __init__(
        self, channels: Sequence[int], classes: int, anchors: Sequence[Sequence[float]], strides: Sequence[int]
    ) -> None:
        super().__init__(list(channels), classes, anchor_num=len(anchors[0]) // 2)
        self.nc, self.anchors, self.strides = classes, [list(some) for some in anchors], list(strides)
        for number, some in enumerate(anchors):
            self.register_buffer(f"anchors_{number}", torch.tensor(some).reshape(-1, 2), persistent=False)
        with torch.no_grad():
            for head in self.heads:
                head.head_conv.bias.view(-1, 5 + classes)[:, 4:] = math.log(_PRIOR / (1 - _PRIOR))

    def forward(self, features: list[Tensor]) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Turn features into maps; out of training with boxes, float[N, 4 + K, P]: centre, size in pixels, K scores."""
        maps: list[Tensor] = super().forward(features)
        if self.training:
            return maps
        anchors = [getattr(self, f"anchors_{number}") for number in range(len(self.anchors))]
        boxes = decode_export(maps, anchors, self.strides, self.nc)
        corners, scores = boxes[:, :4], boxes[:, 4:]
        sizes = corners[:, 2:] - corners[:, :2]
        return torch.cat([corners[:, :2] + sizes / 2, sizes, scores], dim=1), maps


class _Criterion:
    """libreyolo's loss on the batches that ultralytics' losses take."""

    def __init__(self, head: AnchorHead) -> None:
        self._loss = YOLOv7Loss(head.nc, head.anchors, head.strides)
        self._stride = head.strides[0]

    def __call__(self, maps: list[Tensor], batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        count, height, width = len(maps[0]), maps[0].shape[-2], maps[0].shape[-1]
        pixels = torch.tensor([width, height, width, height], device=maps[0].device) * self._stride
        labels = torch.cat([batch["cls"], batch["bboxes"] * pixels], dim=1)
        losses = self._loss(maps, _padded(labels, batch["batch_idx"], count))
        items = {name.replace("iou", "box"): losses[name].detach() for name in ("iou_loss", "cls_loss", "obj_loss")}
        return losses["total_loss"] * count, items


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of public YOLOv7 weights by the names that `YOLOv7` gives them; nothing in the file is run.

    Args:
        path: a checkpoint of libreyolo, or the authors' `v7.pt`.

    Raises:
        ModelError: if it is neither.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        tensors = checkpoint.get("model", checkpoint)
        named = {f"model.{name.removeprefix(_LAYERS)}": tensor.float() for name, tensor in tensors.items()}
    except Exception as error:  # noqa: BLE001 - torch raises what its many layers raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"weights {path}: no checkpoint of YOLOv7 ({reason}); give libreyolo's or the authors' v7.pt"
        ) from None
    return named


def _layers(description: Mapping[str, Any], classes: int) -> list[Any]:
    """Build the layers, each with its number `i` and the numbers `f` of those that feed it, -1 for the one before."""
    anchor = description["anchor"]
    layers: list[Any] = []
    channels = [3]  # the input has number 0 here, and layers are counted from 1
    tags: dict[str, int] = {}
    for entry in (*description["model"]["backbone"], *description["model"]["head"]):
        ((kind, known),) = entry.items()
        number = len(channels)
        source = _resolved(known.get("source", _PREVIOUS), number, tags)
        given = [channels[feeder] for feeder in _listed(source)]
        arguments = known.get("args") or {}
        layer: Any
        if kind == "MultiheadDetection":
            layer, wide = AnchorHead(given, classes, anchor["anchor"], anchor["strides"]), 0
        elif kind == "Concat":
            layer, wide = Concat(1), sum(given)
        elif kind == "Pool":
            layer, wide = Pool(**arguments), given[0]
        elif kind == "UpSample":
            layer, wide = UpSample(**arguments), given[0]
        else:
            wide = round(arguments["out_channels"] * description["width"])
            layer = _BLOCKS[kind](given[0], wide, **{k: v for k, v in arguments.items() if k != "out_channels"})
        fed = [_PREVIOUS if feeder == number - 1 else feeder - 1 for feeder in _listed(source)]
        layer.i, layer.f, layer.type = number - 1, fed if isinstance(source, list) else fed[0], kind
        layers.append(layer)
        channels.append(wide)
        if "tags" in known:
            tags[known["tags"]] = number
    return layers


def _resolved(source: Any, number: int, tags: Mapping[str, int]) -> Any:
    """Return the number of a source, or a list of them: a tag, or counted back from the layer that it feeds."""
    if isinstance(source, list):
        return [_resolved(feeder, number, tags) for feeder in source]
    if isinstance(source, str):
        return tags[source]
    return source + number if source < _INPUT else source


def _listed(source: int | list[int]) -> list[int]:
    return source if isinstance(source, list) else [source]


def _padded(labels_M5: Tensor, image_of_M: Tensor, count: int) -> Tensor:
    """Return labels, class and box, float[N, L, 5], of images that have L at most; what is missing is zero."""
    of = [labels_M5[image_of_M == number] for number in range(count)]
    return nn.utils.rnn.pad_sequence(of, batch_first=True)
