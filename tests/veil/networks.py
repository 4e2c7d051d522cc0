"""A small encoder for tests: each cell's mean colours, mixed into channels and cut into levels."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from raypp.veil.learned import INPUT, OUTPUT


def small_network(channels: int = 6, bits: int = 3, patch: int = 8) -> bytes:
    """Return an ONNX file that encodes frames of any whole number of cells."""
    mix = np.random.default_rng(5).uniform(0, 1, (channels, 3, 1, 1)).astype(np.float32)
    mix *= ((1 << bits) - 1) / 255 / mix.sum(axis=1, keepdims=True)
    nodes = [
        helper.make_node("Transpose", [INPUT], ["moved"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["moved"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["real"], ["mean"], kernel_shape=[patch, patch], strides=[patch, patch]),
        helper.make_node("Conv", ["mean", "mix"], ["mixed"]),
        helper.make_node("Round", ["mixed"], ["whole"]),
        helper.make_node("Cast", ["whole"], [OUTPUT], to=TensorProto.UINT8),
    ]
    frame = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [1, "height", "width", 3])
    levels = helper.make_tensor_value_info(OUTPUT, TensorProto.UINT8, [1, channels, "rows", "columns"])
    graph = helper.make_graph(nodes, "encoder", [frame], [levels], [numpy_helper.from_array(mix, "mix")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
