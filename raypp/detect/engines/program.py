"""A detector's network as an ONNX program, for codes of one fixed shape."""

import io
import warnings
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn

from raypp.detect.adapter import CodeAdapter
from raypp.detect.engines.network import BatchShape
from raypp.detect.model import head_of
from raypp.detect.ultralytics import DetectionModel

INPUT, OUTPUT = "codes", "detections"
"""Names of the program's input and output."""
_OPSET = 18


def to_program(model: DetectionModel, shape: BatchShape) -> bytes:
    """Return a detector as an ONNX file.

    The program takes uint8[B, C + 1, G, G], the sub-key of a frame in its last plane, and gives what the detector's
    head gives: float32[B, 4 + classes, P] (centre and size in pixels, then confidences), or [B, P, 6] where the head
    chooses detections itself. Its sums are those of the detector in another order.

    Args:
        model: the detector on codes, in evaluation mode; left as it is.
        shape: of the input.
    """
    network = _Program(deepcopy(model).cpu().float().fuse(verbose=False)).eval()
    codes = torch.zeros(shape.sizes, dtype=torch.uint8)
    file, export = io.BytesIO(), cast("Any", torch.onnx.export)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of itself, and of sizes that are fixed here
        network(codes)  # the head makes its grid at the first call
        export(
            network,
            (codes,),
            file,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=_OPSET,
            dynamo=False,
            verbose=False,
        )
    return file.getvalue()


class _Program(nn.Module):
    """A detector that gives its detections alone, of layers that engines compute quickly."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        for number, layer in enumerate(model.model):
            if isinstance(layer, CodeAdapter):
                put = _FrameAdapter(layer)
                for name in ("i", "f", "type"):
                    setattr(put, name, getattr(layer, name))
                model.model[number] = put
        head = head_of(model)
        bins = getattr(head, "reg_max", 1)  # that of YOLOv7 has none
        if bins > 1:
            head.dfl = _Distances(bins)
        self.model = model

    def forward(self, codes_BCGG: Tensor) -> Tensor:
        detections: Tensor = self.model(codes_BCGG)[0]
        return detections


class _FrameAdapter(nn.Module):
    """A `CodeAdapter` that reads one sub-key a frame, so that it multiplies by the weights of that one alone."""

    def __init__(self, adapter: CodeAdapter) -> None:
        super().__init__()
        self.adapter = adapter
        self.embed_KWI = adapter.embed.weight.detach().reshape(adapter.sub_keys, adapter.width, -1)
        self.values_L11 = torch.arange(adapter.levels, dtype=torch.float32)[:, None, None]

    def forward(self, codes_BCGG: Tensor) -> Tensor:
        adapter = self.adapter
        planes = codes_BCGG.float()  # TensorRT takes bytes as an input, and does nothing with them but this
        codes, sub_key_B = planes[:, : adapter.channels], planes[:, adapter.channels, 0, 0]
        one_hot_BIGG = codes[:, :, None].eq(self.values_L11).float().flatten(1, 2)
        chosen_B = sub_key_B.long().clamp(max=adapter.sub_keys - 1)
        embedded_BWP = self.embed_KWI[chosen_B] @ one_hot_BIGG.flatten(2)
        return adapter.features(embedded_BWP.reshape(-1, adapter.width, *codes.shape[2:]))


class _Distances(nn.Module):
    """The expected distances of a head's distributions over `bins`, which lie beside each other."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.distance_D1 = torch.arange(bins, dtype=torch.float32)[:, None]

    def forward(self, logits_BDP: Tensor) -> Tensor:
        batch, _, points = logits_BDP.shape
        shares = logits_BDP.transpose(1, 2).reshape(-1, self.bins).softmax(1)  # engines multiply flat matrices quickly
        return (shares @ self.distance_D1).reshape(batch, points, 4).transpose(1, 2)
