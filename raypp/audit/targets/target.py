"""The audited veil, alone and under other keys."""

from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np

from raypp.audit.core.model import AttackTarget, Codes, Images, WhiteBox
from raypp.audit.targets.baselines import noise
from raypp.audit.targets.white_box import open_white_box
from raypp.veil.derivation import SECRET_BYTES
from raypp.veil.key import VeilKey
from raypp.veil.spec import LearnedSpec, PatchSpec
from raypp.veil.veil import Veil

VEIL = "this veil"
SITE = "audit"
"""All images are veiled as of this site."""
_DRAWN = 7919
"""Sets the chances of drawn keys apart from any other."""
_UNFOLDED = 6007
_OTHER_OWNER = 4111
"""Sets the keys that stand for other owners' apart from those that attackers draw."""
_TAKES_LITTLE = PatchSpec(channels=192, bits=4, sub_keys=1, band_high=14, chroma_high=14, fold=0, mix=1, dither=0)


def veil(made_veil: Veil, number: int = 0) -> AttackTarget:
    """The audited veil, of either family: each image as its camera's stream is veiled.

    Args:
        made_veil: the veil.
        number: 0, or of another camera that is pointed at the same, in whose place images are veiled: the sub-key is
            the next of the spec's in turn, the dither its own.
    """
    spec = made_veil.spec

    def encode(images: Images) -> Codes:
        cells = tuple(side // spec.patch for side in images.frames.shape[1:3])
        codes = np.empty((len(images), spec.channels, *cells), dtype=np.uint8)
        for camera in sorted(set(images.cameras)):
            of_it = [place for place, name in enumerate(images.cameras) if name == camera]
            codes[of_it] = made_veil.stream(SITE, _stand_in(made_veil, camera, number)).encode(images.frames[of_it])
        return codes

    random_key = None if isinstance(spec, LearnedSpec) else partial(_under_random_key, spec)

    def other_owner_key(further: int) -> AttackTarget:
        return veil(made_veil, number + further)

    def white_box(camera: str) -> WhiteBox:
        return open_white_box(made_veil.stream(SITE, _stand_in(made_veil, camera, number)))

    return AttackTarget(
        VEIL,
        spec.patch,
        spec.channels,
        spec.levels,
        encode,
        random_key=random_key,
        other_owner_key=other_owner_key,
        white_box=white_box,
    )


def unfolded_veil(seed: int) -> AttackTarget:
    """A patch veil that takes next to nothing away: what whoever holds its key must open.

    As many channels as a patch has values, of the whole band and as many bits as there can be, the first fold as wide
    as it can be, no second mix, no dither. A cell's mean is lost here, too.

    Args:
        seed: of its key.
    """
    return replace(
        veil(Veil(_TAKES_LITTLE, _key(_UNFOLDED, seed))), name="unfolded veil", random_key=None, other_owner_key=None
    )


def under_other_key(made_veil: Veil, number: int) -> AttackTarget:
    """Return the patch veil of the same spec as another owner would have it, under a key that the audit draws.

    Args:
        made_veil: the audited veil.
        number: of the other owner, from 0 on.
    """
    assert isinstance(made_veil.spec, PatchSpec)  # noqa: S101 - an encoder is one of a kind, and no key draws another
    return veil(Veil(made_veil.spec, _key(_OTHER_OWNER, number)))


def noise_under_key(made_veil: Veil, seed: int) -> AttackTarget:
    """Noise in the place of the audited veil's codes, for whoever holds the key and takes it for them."""
    spec = made_veil.spec
    return replace(noise(spec.patch, spec.channels, spec.levels, seed), white_box=veil(made_veil).white_box)


def _stand_in(made_veil: Veil, camera: str, number: int) -> str:
    """Name of a camera whose sub-key is so many after another's."""
    if not number:
        return camera
    wanted = (made_veil.stream(SITE, camera).sub_key + number) % made_veil.spec.sub_keys
    names = (f"{camera} {number}.{tried}" for tried in count())
    return next(name for name in names if made_veil.stream(SITE, name).sub_key == wanted)


def _under_random_key(spec: PatchSpec, number: int) -> AttackTarget:
    """The patch veil under a key that an attacker draws."""
    return veil(Veil(spec, _key(_DRAWN, number)))


def _key(purpose: int, number: int) -> VeilKey:
    """A key that is the same in every audit; nothing that matters is ever veiled under it."""
    return VeilKey(np.random.default_rng((purpose, number)).bytes(SECRET_BYTES))
