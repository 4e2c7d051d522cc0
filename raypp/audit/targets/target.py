"""The audited veil, and the blind baseline that any attack has to beat."""

from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import AttackTarget, Codes, Frames, Images, WhiteBox
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


def blind_baseline(known: Images, victims: Images, block: int) -> Frames:
    """The best image that labels alone allow: known images' mean block, and in each box its class's mean colour.

    Args:
        known: images of the attacker.
        victims: only their labels and their shape are looked at.
        block: side of the blocks that the mean is of, in pixels.
    """
    count, height, width, _ = known.frames.shape
    cut = known.frames.reshape(count, height // block, block, width // block, block, 3)
    mean = np.round(cut.mean(axis=(0, 1, 3))).astype(np.uint8)
    colours = _colours(known)
    baseline = np.tile(mean, (len(victims), height // block, width // block, 1))
    for image, boxes in zip(baseline, victims.boxes, strict=True):
        for name, box in boxes:
            if name in colours:
                left, right = round((box.x - box.w / 2) * width), round((box.x + box.w / 2) * width)
                top, bottom = round((box.y - box.h / 2) * height), round((box.y + box.h / 2) * height)
                image[max(top, 0) : bottom, max(left, 0) : right] = colours[name]
    return baseline


def _colours(known: Images) -> dict[str, npt.NDArray[np.uint8]]:
    """Mean colour of each class's boxes."""
    _, height, width, _ = known.frames.shape
    scores_of: dict[str, list[npt.NDArray[np.float64]]] = {}
    for image, boxes in zip(known.frames, known.boxes, strict=True):
        for name, box in boxes:
            rows = slice(max(0, round((box.y - box.h / 2) * height)), round((box.y + box.h / 2) * height))
            columns = slice(max(0, round((box.x - box.w / 2) * width)), round((box.x + box.w / 2) * width))
            inside = image[rows, columns].reshape(-1, 3)
            if len(inside):
                scores_of.setdefault(name, []).append(inside.mean(axis=0))
    return {name: np.round(np.stack(means).mean(axis=0)).astype(np.uint8) for name, means in scores_of.items()}
