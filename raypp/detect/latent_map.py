"""Latents under a keyed homeomorphism: a learned encoder's own values, mapped one to one and smoothly, then quantised.

The idea is that of a homeomorphic transform of latents (Terziyan et al. 2023). It is no veil that raypp offers: a
smooth one-to-one map keeps neighbours together, so pairs open it. It is there to be compared and attacked.
"""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raypp.detect.level_encoder import DEVIATIONS
from raypp.errors import ModelError, OptionError
from raypp.veil.derivation import derive
from raypp.veil.key import Secret, VeilKey
from raypp.veil.keystream import KeyStream
from raypp.veil.learned import INPUT
from raypp.veil.spec import LearnedSpec, VeilSpec

MOST_LAYERS = 32
_HIDDEN = (32, 32)
_LEAST_SLOPE = 0.3
"""A layer stretches a value by this to its inverse: more, and the map is one to one in name alone."""
_CALIBRATION = 4096
_STEPS = 1 << 24
"""Steps of the uniform numbers that weights are drawn from."""
_GAIN = 1.5
"""Spread of a layer's weights, by which what it gives varies about as much as what it is given."""


class LatentMap(Secret):
    """A smooth one-to-one map of a cell's values: coupling layers with weights from a key, rotations between them.

    Args:
        channels: values of a cell, C; at least 2.
        layers: coupling layers, from 0 (values stay as they are) to 32.
        seed: 32 secret bytes.

    Raises:
        OptionError: if zuko is missing, or the map cannot be.
    """

    def __init__(self, channels: int, layers: int, seed: bytes) -> None:
        if not 0 <= layers <= MOST_LAYERS:
            raise OptionError(f"`layers` {layers} must be from 0 to {MOST_LAYERS}")
        if layers and channels < 2:
            raise OptionError("`layers` need an encoder of two channels or more; fit one, or give 0")
        stream = KeyStream(seed)
        self.steps = [_coupling(channels, number, stream) for number in range(layers)]
        self.rotations = [_rotation(channels, stream) for _ in range(layers)]
        given = _normal(stream, (_CALIBRATION, channels))
        self.mean, self.deviation = torch.zeros(channels), torch.ones(channels)
        if layers:
            mapped = self(given)
            self.mean, self.deviation = mapped.mean(0), mapped.std(0)

    @torch.no_grad()
    def __call__(self, values_NC: Tensor) -> Tensor:
        """Map cells, float[N, C] about 0 with deviations about 1, to such ones."""
        for step, rotation in zip(self.steps, self.rotations, strict=True):
            values_NC = step(values_NC) @ rotation
        mapped: Tensor = (values_NC - self.mean) / self.deviation
        return mapped

    @torch.no_grad()
    def inverse(self, mapped_NC: Tensor) -> Tensor:
        """Undo the map."""
        values = mapped_NC * self.deviation + self.mean
        for step, rotation in reversed(list(zip(self.steps, self.rotations, strict=True))):
            values = step.inv(values @ rotation.T)
        return values


class MappedEncoder(Secret):
    """A learned veil's encoder without rounding and names, its values mapped by a key, and quantised after that.

    Args:
        content: the encoder's ONNX file.
        spec: its spec.
        layers: of the map.
        key: whose stream the map's weights come from.

    Raises:
        OptionError: as for `LatentMap`.
        ModelError: if the encoder computes in whole numbers, and has no values before rounding.
    """

    def __init__(self, content: bytes, spec: LearnedSpec, layers: int, key: VeilKey) -> None:
        self.levels_of_channel = spec.levels
        self._session, self._output = _unrounded(content)
        self._map = LatentMap(spec.channels, layers, derive(key.weights_seed(spec, 0), b"homeomorphism"))
        self.content = content

    @torch.no_grad()
    def levels(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Encode one frame, uint8[H, W, 3], to uint8[C, H/p, W/p]."""
        levels = torch.from_numpy(self._session.run([self._output], {INPUT: frame[None]})[0][0])
        spread = (self.levels_of_channel - 1) / 2
        cells = levels.flatten(1).T
        mapped = self._map((cells - spread) * (DEVIATIONS / spread))
        steps = (spread + mapped * (spread / DEVIATIONS)).round().clamp(0, self.levels_of_channel - 1)
        codes: npt.NDArray[np.uint8] = steps.T.reshape(levels.shape).to(torch.uint8).numpy()
        return codes


def _unrounded(content: bytes) -> tuple[Any, str]:
    """Open an encoder so that it gives its levels yet to be rounded; returns the session and that output's name."""
    import onnx  # noqa: PLC0415 - only this reads an encoder's insides
    import onnxruntime  # noqa: PLC0415

    model = onnx.load_from_string(content)
    del content  # a traceback may show locals
    rounded = [node.input[0] for node in model.graph.node if node.op_type == "Round"]
    if not rounded:
        raise ModelError("the encoder computes in whole numbers and has no values before rounding; fit one of stages")
    model.graph.output.append(onnx.helper.make_tensor_value_info(rounded[-1], onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session, rounded[-1]


def check_map(layers: int, spec: VeilSpec) -> None:
    """Raise OptionError if there can be no map of so many layers of a veil's encoder, or zuko is missing."""
    if not isinstance(spec, LearnedSpec):
        raise OptionError("`layers` map a learned veil's encoder; give its encoder.veil as `spec`, or leave them out")
    if not 0 <= layers <= MOST_LAYERS:
        raise OptionError(f"`layers` {layers} must be from 0 to {MOST_LAYERS}")
    if find_spec("zuko") is None:
        raise OptionError("a homeomorphic map needs zuko; install raypp[flows]")


def _coupling(channels: int, number: int, stream: KeyStream) -> torch.distributions.Transform:
    """One coupling layer of zuko's, all weights from a key's stream."""
    try:
        from zuko.flows.coupling import GeneralCouplingTransform  # noqa: PLC0415 - an extra
        from zuko.transforms import MonotonicAffineTransform  # noqa: PLC0415
    except ImportError:
        raise OptionError("a homeomorphic map needs zuko; install raypp[flows]") from None
    mask = torch.arange(channels) % 2 == number % 2
    with torch.random.fork_rng(devices=[]):
        layer = GeneralCouplingTransform(
            channels,
            mask=mask,
            univariate=partial(MonotonicAffineTransform, slope=_LEAST_SLOPE),
            hidden_features=_HIDDEN,
        )
    with torch.no_grad():
        for weight in layer.parameters():
            fan_in = weight.shape[-1] if weight.dim() > 1 else channels
            weight.copy_(_normal(stream, tuple(weight.shape)) * (_GAIN / fan_in**0.5))
    transform: torch.distributions.Transform = layer()
    return transform


def _rotation(channels: int, stream: KeyStream) -> Tensor:
    """A rotation of the channels; all are as likely, up to rounding."""
    across, along = torch.linalg.qr(_normal(stream, (channels, channels)).double())
    turned: Tensor = (across * along.diagonal().sign()).float()
    return turned


def _normal(stream: KeyStream, shape: Sequence[int]) -> Tensor:
    """Numbers of the normal distribution from a key's stream (Box and Muller 1958)."""
    count = int(np.prod(shape))
    even = (stream.integers(1, _STEPS, 2 * count) / (_STEPS + 1)).reshape(2, count)
    drawn = np.sqrt(-2 * np.log(even[0])) * np.cos(2 * np.pi * even[1])
    numbers: Tensor = torch.from_numpy(drawn.astype(np.float32)).reshape(tuple(shape))
    return numbers
