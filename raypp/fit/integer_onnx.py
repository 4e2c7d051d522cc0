"""An encoder in whole numbers as an ONNX file: from bytes of a frame to levels without one number in floating point."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from raypp.detect.integer_encoder import IntegerEncoder, IntegerLayer
from raypp.veil.learned import INPUT, OUTPUT

_OPSET, _IR = 18, 9
_TO_CHANNELS_FIRST = (0, 3, 1, 2)


def integer_onnx(encoder: IntegerEncoder) -> bytes:
    """Return the encoder as an ONNX file for frames of any whole number of cells.

    The first layer sees each row of four pixels as one place of twelve channels: a view of the same bytes, so that no
    pixel is moved before the first product.

    Args:
        encoder: the fitted encoder, in evaluation mode.
    """
    graph = _Graph()
    layers = encoder.integers()
    wide = int(layers[0].stride)
    graph.add("Reshape", [INPUT, graph.constant("shape", np.array([0, 0, -1, 3 * wide], np.int64))], "rows")
    graph.add("Transpose", ["rows"], "value", perm=_TO_CHANNELS_FIRST)
    value = "value"
    for number, layer in enumerate(layers):
        value = graph.add_layer(value, layer, number)
    graph.add("Min", [value, graph.constant("most", np.uint8(encoder.levels - 1))], OUTPUT)
    channels = len(layers[-1].weights)
    frame = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [1, "height", "width", 3])
    levels = helper.make_tensor_value_info(OUTPUT, TensorProto.UINT8, [1, channels, "rows", "columns"])
    body = helper.make_graph(graph.nodes, "encoder", [frame], [levels], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


class _Graph:
    """Nodes and constants of a program, in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.nothing = self.constant("nothing", np.uint8(0))

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def add_layer(self, value: str, layer: IntegerLayer, number: int) -> str:
        """Add a convolution; the first one, over rows of pixels side by side."""
        weights, sides = layer.weights.cpu().numpy().astype(np.int8), (layer.stride, layer.stride)
        if not number:
            outputs, _, rows, _ = weights.shape
            weights = np.ascontiguousarray(weights.transpose(0, 3, 1, 2).reshape(outputs, -1, rows, 1))
            sides = (layer.stride, 1)
        inputs, outputs_step = (np.float32(step) for step in layer.steps)
        names = [
            value,
            self.constant(f"inputs_{number}", inputs),
            self.nothing,
            self.constant(f"weights_{number}", weights),
            self.constant(f"units_{number}", layer.units.cpu().numpy().astype(np.float32)),
            self.constant(f"middles_{number}", np.zeros(len(weights), np.int8)),
            self.constant(f"outputs_{number}", outputs_step),
            self.nothing,
            self.constant(f"bias_{number}", layer.bias.cpu().numpy().astype(np.int32)),
        ]
        shape = {"kernel_shape": list(weights.shape[2:]), "strides": list(sides), "pads": [layer.padding] * 4}
        return self.add("QLinearConv", names, f"value_{number}", **shape)
