"""An encoder's program with gradients: the ONNX file of a learned veil, run by torch, short of rounding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor
from torch.nn import functional

from raypp.errors import ModelError
from raypp.veil.key import Secret
from raypp.veil.learned import INPUT, OUTPUT

Attributes: TypeAlias = dict[str, Any]
Operation: TypeAlias = Callable[[list[Tensor], Attributes], Tensor | list[Tensor]]

_LEVEL, _MOST_STEPS = 1.0, 255
"""What a step of levels stands for, and the most steps between two layers of whole numbers."""


@dataclass(frozen=True, repr=False, eq=False)
class Program(Secret):
    """A network's operations in their order, and its weights.

    Rounding and changes of type are left out, and clipping lets gradients through as if it were not there, so that a
    value beyond the last level still knows its way back. Between layers in whole numbers, clipping is the activation,
    and stays.

    Attributes:
        graph: nodes and names, of `onnx`.
        weights: constants by name.
    """

    graph: Any
    weights: dict[str, Tensor]

    @classmethod
    def of(cls, content: bytes) -> "Program":
        """Read an ONNX file as `raypp fit` writes it.

        Raises:
            ModelError: if it has an operation that is not known here.
        """
        graph = onnx.load_from_string(content).graph
        del content  # a traceback may show locals
        unknown = sorted({node.op_type for node in graph.node} - _OPERATIONS.keys() - {"Constant"})
        if unknown:
            raise ModelError(
                f"the encoder has operations without a gradient here: {', '.join(unknown)}; fit one from yolov8n"
            )
        weights = {initializer.name: _tensor(initializer) for initializer in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                weights[node.output[0]] = _tensor(_attributes(node)["value"])
        return cls(graph, weights)

    def __call__(self, pixels_N3HW: Tensor) -> Tensor:
        """Return levels yet to be rounded, float[N, C, H/p, W/p], of images in [0, 255]."""
        known = self.weights | {INPUT: pixels_N3HW.permute(0, 2, 3, 1)}
        for node in self.graph.node:
            if node.op_type == "Constant":
                continue
            given = [known[name] for name in node.input if name]
            output = _OPERATIONS[node.op_type](given, _attributes(node))
            known |= dict(zip(node.output, [output] if isinstance(output, Tensor) else output, strict=True))
        return known[OUTPUT]


def _tensor(constant: Any) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(constant).copy())


def _attributes(node: Any) -> Attributes:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _padded(value: Tensor, attributes: Attributes) -> Tensor:
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    return functional.pad(value, (left, right, top, bottom))


def _convolved(given: list[Tensor], attributes: Attributes) -> Tensor:
    value, weight, *bias = given
    return functional.conv2d(
        _padded(value, attributes),
        weight,
        bias[0] if bias else None,
        tuple(attributes.get("strides", (1, 1))),
        dilation=tuple(attributes.get("dilations", (1, 1))),
        groups=attributes.get("group", 1),
    )


def _convolved_integers(given: list[Tensor], attributes: Attributes) -> Tensor:
    value, inputs, _, weight, units, _, outputs, _, bias = given
    sums = _convolved([value, weight.float(), bias.float()], attributes)
    steps = sums * (inputs * units / outputs)[:, None, None]
    return steps if float(outputs) == _LEVEL else steps.clamp(0, _MOST_STEPS)


def _reshaped(given: list[Tensor], _: Attributes) -> Tensor:
    value, shape = given
    sides = [side or value.shape[place] for place, side in enumerate(shape.tolist())]
    return value.reshape(sides)


def _normalised(given: list[Tensor], attributes: Attributes) -> Tensor:
    value, weight, bias, mean, variance = given
    return functional.batch_norm(value, mean, variance, weight, bias, eps=attributes.get("epsilon", 1e-5))


def _divided(given: list[Tensor], _: Attributes) -> Tensor:
    whole = not any(value.is_floating_point() for value in given)  # sizes of slices
    return torch.div(*given, rounding_mode="trunc" if whole else None)


def _sliced(given: list[Tensor], _: Attributes) -> Tensor:
    value, starts, ends, *rest = given
    axes = rest[0].tolist() if rest else range(len(starts))
    steps = rest[1].tolist() if len(rest) > 1 else [1] * len(starts)
    places = [slice(None)] * value.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        places[axis] = slice(start, end, step)
    return value[tuple(places)]


def _gathered(given: list[Tensor], attributes: Attributes) -> Tensor:
    value, places = given
    axis = attributes.get("axis", 0)
    return value.index_select(axis, places.reshape(-1)).reshape(
        *value.shape[:axis], *places.shape, *value.shape[axis + 1 :]
    )


def _averaged(given: list[Tensor], attributes: Attributes) -> Tensor:
    return functional.avg_pool2d(_padded(given[0], attributes), attributes["kernel_shape"], attributes.get("strides"))


def _split(given: list[Tensor], attributes: Attributes) -> list[Tensor]:
    axis = attributes.get("axis", 0)
    if len(given) > 1:
        return list(torch.split(given[0], given[1].tolist(), axis))
    return list(given[0].tensor_split(attributes["num_outputs"], axis))


def _clipped(given: list[Tensor], _: Attributes) -> Tensor:
    low, high = (float(limit) for limit in given[1:3])
    return given[0] + (given[0].clamp(low, high) - given[0]).detach()


def _as_it_is(given: list[Tensor], _: Attributes) -> Tensor:
    return given[0]


_OPERATIONS: dict[str, Operation] = {
    "Add": lambda given, _: given[0] + given[1],
    "AveragePool": _averaged,
    "BatchNormalization": _normalised,
    "Cast": _as_it_is,
    "Clip": _clipped,
    "Concat": lambda given, attributes: torch.cat(given, attributes["axis"]),
    "Conv": _convolved,
    "Div": _divided,
    "Gather": _gathered,
    "Identity": _as_it_is,
    "Min": _as_it_is,  # of levels
    "Mul": lambda given, _: given[0] * given[1],
    "QLinearConv": _convolved_integers,
    "Relu": lambda given, _: given[0].relu(),
    "Reshape": _reshaped,
    "Round": _as_it_is,
    "Shape": lambda given, _: torch.tensor(given[0].shape),
    "Sigmoid": lambda given, _: given[0].sigmoid(),
    "Slice": _sliced,
    "Split": _split,
    "Sub": lambda given, _: given[0] - given[1],
    "Transpose": lambda given, attributes: given[0].permute(attributes["perm"]),
}
