"""A veil: a public spec under a secret key, of either family."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from raypp.errors import SpecError
from raypp.veil.encoder_file import open_encoder
from raypp.veil.key import Keyring
from raypp.veil.learned import EncoderNetwork, LearnedEncoder, LevelNetwork
from raypp.veil.patch import PatchEncoder
from raypp.veil.spec import LearnedSpec, VeilSpec
from raypp.veil.substitution import Substitution, substitution
from raypp.veil.tables import PatchTables, dither_tile, patch_tables

CPU_DEVICE = "numpy"
"""Frames are veiled on the CPU: by numpy, or by onnxruntime for a learned veil."""


class Encoder(Protocol):
    """Encodes frames of one stream."""

    sub_key: int

    def encode(self, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Turn uint8[N, H, W, 3] into uint8[N, C, H/p, W/p]."""


class Veil:
    """A spec under a key: the keyed, lossy, deterministic transformation of frames into codes.

    Args:
        spec: the public spec.
        key: the owner's key, or a site key derived for this spec.
        network: the encoder, for a learned veil.

    Raises:
        KeyFileError: if a site key was derived for another spec.
        SpecError: if the spec is not exact, or a learned veil's encoder is missing.
    """

    def __init__(self, spec: VeilSpec, key: Keyring, network: LevelNetwork | None = None) -> None:
        self.spec = spec
        self.veil_id = key.veil_id(spec)
        if isinstance(spec, LearnedSpec) and network is None:
            raise SpecError(
                f"veil {self.veil_id} is learned, and a spec alone cannot veil; give the encoder file of `raypp fit`"
            )
        self._key = key
        self._network = network
        self._tables: dict[int, PatchTables] = {}
        self._substitutions: dict[int, Substitution] = {}

    def __repr__(self) -> str:
        # A refused veil has no name yet, and a traceback that shows locals asks for this text all the same.
        return f"Veil({getattr(self, 'veil_id', 'refused')})"

    def stream(self, site: str, camera: str, image: bytes | None = None) -> PatchEncoder | LearnedEncoder:
        """Return the encoder of one camera or, with an image's identity, of one still image."""
        spec = self.spec
        secrets = self._key.stream(spec, site, camera, image)
        sub_key = secrets.sub_key
        if isinstance(spec, LearnedSpec):
            assert self._network is not None  # noqa: S101 - refused above
            if sub_key not in self._substitutions:
                self._substitutions[sub_key] = substitution(spec, secrets.weights_seed)
            return LearnedEncoder(spec, sub_key, self._substitutions[sub_key], self._network)
        if sub_key not in self._tables:
            self._tables[sub_key] = patch_tables(spec, secrets)
        return PatchEncoder(spec, sub_key, self._tables[sub_key], dither_tile(spec, secrets))


def open_veil(spec: VeilSpec, key: Keyring, encoder: Path | None, device: str = CPU_DEVICE) -> Veil:
    """Make a veil, reading a learned one's encoder from its file.

    Args:
        spec: the public spec.
        key: the owner's key, or a site key derived for this spec.
        encoder: a learned veil's encoder file; None for other veils.
        device: the torch device that a learned veil's encoder runs on; `CPU_DEVICE` for onnxruntime on the CPU.

    Raises:
        KeyFileError: if a site key was derived for another spec.
        SpecError: if the spec is not exact, a learned veil's encoder is missing, damaged or of another key, or the
            device cannot run it.
    """
    if not isinstance(spec, LearnedSpec) or encoder is None:
        return Veil(spec, key)
    content = open_encoder(encoder, spec, key)
    if device == CPU_DEVICE:
        return Veil(spec, key, EncoderNetwork(content))
    from raypp.veil.learned_torch import TorchEncoderNetwork  # noqa: PLC0415 - torch only where it was asked for

    return Veil(spec, key, TorchEncoderNetwork(content, device))
