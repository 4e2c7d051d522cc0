"""The encoder of a learned veil in whole numbers: a chain of convolutions whose weights and values have 8 bits.

Sums of whole numbers do not depend on their order. So threads, batches and kinds of processors give the same codes,
which floating point does not promise. Jacob et al. (Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, CVPR 2018).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from raypp.detect.level_encoder import DEVIATIONS, LevelEncoder

_CEILING = 6.0
STEP = _CEILING / 255
"""What one step of a value between two layers stands for: values run from 0 to 6 (ReLU6) in 8 bits."""
PIXEL_STEP = 1 / 255
_WIDEST = 63
"""Largest weight. Two products with a pixel then fit into 16 bits, where older processors gather them."""
_SMALLEST = 1e-8
_FIRST, _LAST, _MIDDLE = 32, 64, 32
_STRIDE = 4


@dataclass(frozen=True)
class IntegerLayer:
    """A convolution in whole numbers: `clamp(round((weights * x + bias) * scale), 0, 255)`.

    Attributes:
        weights: whole float32[O, I, k, k] in [-63, 63].
        units: what a weight of 1 stands for, float32[O].
        bias: whole float32[O], in units times steps of the inputs.
        steps: what one step of inputs and of outputs stands for.
        stride, padding: of the convolution.
    """

    weights: Tensor
    units: Tensor
    bias: Tensor
    steps: tuple[float, float]
    stride: int
    padding: int

    @classmethod
    def of(cls, conv: nn.Conv2d, gain_O: Tensor, offset_O: Tensor, steps: tuple[float, float]) -> "IntegerLayer":
        """Round `gain * conv(x) + offset` to whole numbers; what `conv` adds itself is not looked at."""
        folded = (conv.weight * gain_O[:, None, None, None]).detach().float()
        units = folded.abs().amax((1, 2, 3)).clamp(min=_SMALLEST) / _WIDEST
        weights = (folded / units[:, None, None, None]).round()
        bias = (offset_O.detach().float() / (units * steps[0])).round().clamp(-(1 << 30), 1 << 30)
        return cls(weights, units, bias, steps, int(conv.stride[0]), int(conv.padding[0]))

    def __call__(self, values_NIHW: Tensor) -> Tensor:
        """Return whole values in [0, 255] of whole values."""
        with torch.autocast(values_NIHW.device.type, enabled=False):
            sums = functional.conv2d(values_NIHW, self.weights, self.bias, self.stride, self.padding)
            inputs, outputs = (torch.tensor(step, dtype=torch.float32, device=sums.device) for step in self.steps)
            return (sums * (inputs * self.units / outputs)[:, None, None]).round().clamp(0, 255)


class ConvolutionLayer(nn.Module):
    """A convolution, its normalisation, and a ReLU6 of 8 bits. In evaluation mode it computes in whole numbers.

    Args:
        inputs, outputs: channels.
        side, stride: of the convolution; it is padded where they differ.
        step: what one step of its inputs stands for.
    """

    def __init__(self, inputs: int, outputs: int, side: int, stride: int, step: float = STEP) -> None:
        super().__init__()
        padding = 0 if side == stride else side // 2
        self.conv = nn.Conv2d(inputs, outputs, side, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.step = step

    def forward(self, values_NIHW: Tensor) -> Tensor:
        """Turn values into values of 256 steps from 0 to 6; gradients pass the steps as if they were not there."""
        if not self.training:
            return self.integers()((values_NIHW.float() / self.step).round()) * STEP
        value: Tensor = self.norm(self.conv(values_NIHW)).float().clamp(0, _CEILING)
        return value + ((value / STEP).round() * STEP - value).detach()

    def integers(self) -> IntegerLayer:
        """Return the layer in whole numbers, its normalisation among its weights."""
        gain, offset = _folded(self.norm)
        return IntegerLayer.of(self.conv, gain, offset, (self.step, STEP))


class IntegerEncoder(LevelEncoder):
    """An encoder that computes in whole numbers but while it learns.

    Args:
        patch: side of a cell in pixels: 4, 8 or 16.
        channels: channels of the bottleneck, C.
        levels: levels of a channel, L.
    """

    def __init__(self, patch: int, channels: int, levels: int) -> None:
        halvings = (patch // _STRIDE).bit_length() - 1
        layers = [ConvolutionLayer(3, _FIRST, _STRIDE, _STRIDE, PIXEL_STEP)]
        width = _FIRST
        for _ in range(halvings):
            layers.append(ConvolutionLayer(width, _LAST, 3, 2))
            width = _LAST
        layers += [ConvolutionLayer(width, _MIDDLE, 3, 1), ConvolutionLayer(_MIDDLE, _LAST, 3, 1)]
        super().__init__(nn.Sequential(*layers), _LAST, channels, levels)

    def forward(self, images_N3HW: Tensor) -> Tensor:
        """Turn images, float[N, 3, H, W] in [0, 1], into levels; whole ones, in evaluation mode."""
        if self.training:
            return super().forward(images_N3HW)
        values = (self.stages(images_N3HW) / STEP).round()
        return self.last_integers()(values).clamp(max=self.levels - 1)

    def integers(self) -> list[IntegerLayer]:
        """Return all layers in whole numbers, from pixels to levels."""
        layers = [layer.integers() for layer in self.stages if isinstance(layer, ConvolutionLayer)]
        return [*layers, self.last_integers()]

    def last_integers(self) -> IntegerLayer:
        """Return the bottleneck in whole numbers, the spread over levels among its weights."""
        spread = (self.levels - 1) / 2
        gain, offset = _folded(self.norm)
        if self.bottleneck.bias is not None:
            offset = offset + self.bottleneck.bias * gain
        slope = spread / DEVIATIONS
        return IntegerLayer.of(self.bottleneck, gain * slope, offset * slope + spread, (STEP, 1.0))


def _folded(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return what a normalisation multiplies by, and what it adds then, each float[C]."""
    if norm.running_mean is None or norm.running_var is None:
        raise RuntimeError("the normalisation keeps no moments")
    gain = (norm.running_var + norm.eps).rsqrt()
    gain = gain if norm.weight is None else gain * norm.weight
    offset = -norm.running_mean * gain
    return gain.detach(), (offset if norm.bias is None else offset + norm.bias).detach()
