"""The audited encoder's values under a smooth keyed map, in the place of a veil: a target beside it."""

import re

import numpy as np

from raypp.audit.core.model import AttackTarget, Codes, Images
from raypp.detect.latent_map import MappedEncoder
from raypp.errors import SpecError
from raypp.veil.derivation import SECRET_BYTES
from raypp.veil.key import VeilKey
from raypp.veil.learned import LearnedEncoder
from raypp.veil.spec import LearnedSpec
from raypp.veil.veil import Veil

_NAME = re.compile(r"encoder under a smooth keyed map, (\d+) layers")
_SEED = 2311
"""Of the map's key, which the audit draws; nothing that matters is ever mapped by it."""


def map_name(layers: int) -> str:
    """Return the name of the target with so many coupling layers."""
    return f"encoder under a smooth keyed map, {layers} layers"


def is_map(name: str) -> bool:
    """Whether a target's name is one of these."""
    return _NAME.fullmatch(name) is not None


def homeomorphic(made_veil: Veil, name: str) -> AttackTarget:
    """Return the encoder of a learned veil without rounding and names, its values under a keyed map, quantised.

    Args:
        made_veil: the audited veil.
        name: as `map_name` gives it.

    Raises:
        SpecError: if the veil has no encoder.
        OptionError: if zuko is missing, or there are too many layers.
    """
    spec, encoder, match = made_veil.spec, made_veil.stream("audit", "map"), _NAME.fullmatch(name)
    if not isinstance(spec, LearnedSpec) or not isinstance(encoder, LearnedEncoder) or match is None:
        raise SpecError("a smooth keyed map needs the encoder of a learned veil; give one, or leave `layers` out")
    key = VeilKey(np.random.default_rng(_SEED).bytes(SECRET_BYTES))
    mapped = MappedEncoder(encoder.network.content, spec, int(match[1]), key)

    def encode(images: Images) -> Codes:
        return np.stack([mapped.levels(frame) for frame in images.frames])

    return AttackTarget(name, spec.patch, spec.channels, spec.levels, encode)
