"""The learned veil: an encoder fitted by `raypp fit`, run by onnxruntime or torch, and a keyed substitution after it.

Its arithmetic is floating point: on one machine the same frame gives the same bytes; between kinds of processors a
value on the edge between two levels may fall to either side.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from raypp.errors import SpecError
from raypp.veil.key import Secret
from raypp.veil.patch import encode_each
from raypp.veil.spec import LearnedSpec
from raypp.veil.substitution import Substitution

INPUT, OUTPUT = "frame", "levels"
"""Names of the network's input, uint8[1, H, W, 3], and output, uint8[1, C, H/p, W/p]."""


class LevelNetwork(Protocol):
    """The secret encoder of a learned veil, as some library runs it."""

    content: bytes

    def levels(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Encode one frame, uint8[H, W, 3], to uint8[C, H/p, W/p]."""


class EncoderNetwork(Secret):
    """The encoder as onnxruntime runs it, on one thread; shared by all streams.

    Args:
        content: the ONNX file's bytes.

    Attributes:
        content: the same; an audit attacks its owner's veil as one would who holds them.

    Raises:
        SpecError: if onnxruntime is missing or cannot run it.
    """

    def __init__(self, content: bytes) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 - only a learned veil needs it
        except ImportError:
            raise SpecError("a learned veil needs onnxruntime; install raypp[learned]") from None
        self.content = content
        del content  # a traceback may show locals
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # one order of sums
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(
                self.content,
                options,
                ["CPUExecutionProvider"],
                enable_fallback=0,  # which would print what went wrong
            )
        except Exception:  # noqa: BLE001 - its own many errors, whose texts may show the network
            self._session = None
        if self._session is None:
            raise SpecError(
                "the encoder cannot be run by the installed onnxruntime; fit it again, or install a newer one"
            )

    def levels(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Encode one frame, uint8[H, W, 3], to uint8[C, H/p, W/p]."""
        levels: npt.NDArray[np.uint8] = self._session.run([OUTPUT], {INPUT: frame[None]})[0][0]
        return levels


class LearnedEncoder:
    """The learned veil of one stream, one frame at a time: any batching gives the same bytes."""

    def __init__(self, spec: LearnedSpec, sub_key: int, names: Substitution, network: LevelNetwork) -> None:
        self.spec = spec
        self.sub_key = sub_key
        self.names, self.network = names, network

    def __repr__(self) -> str:
        return f"LearnedEncoder(sub_key={self.sub_key})"

    def encode(self, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Veil frames.

        Args:
            frames: uint8[N, H, W, 3], RGB; H and W multiples of the spec's patch.

        Returns:
            uint8[N, C, H/p, W/p], values in [0, 2**bits).

        Raises:
            SpecError: if the frames' shape or type does not fit.
        """
        return encode_each(frames, self.spec, self._encode_one)

    def _encode_one(self, frame: npt.NDArray[np.uint8], code: npt.NDArray[np.uint8]) -> None:
        code[...] = self.names.apply(self.network.levels(frame))
