"""Many keys: a decoder that learnt on keys the attacker drew himself, used on codes of a key that he does not know."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from raypp.audit.attacks.axes import Axes
from raypp.audit.attacks.reconstruct.network import GridDecoder, piece, pixels, to_targets
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, AttackTarget, Case, Frames, Images
from raypp.errors import OptionError

Pieces: TypeAlias = tuple[npt.NDArray[np.float16], Frames]
"""Components of pieces of images, float16[M, K, g, g], and their pixels, uint8[M, g*p, g*p, 3]."""

_AXES = 24
_SET = (2, 12)
"""Fewest and most images that are veiled under a drawn key: few, so that statistics differ as the victims' may."""
_ZOOM = (0.4, 1.0)
"""Share of an image's sides that is enlarged to the whole, likewise."""
_PIECES = 64
"""Pieces that are kept of each set."""
_BATCH = 8
_SIDE, _MOST_CELLS = 128, 16
"""Side of a piece in pixels, and the most cells that it may have."""
_FAR = 6.0
"""Deviations beyond which a component counts as so many."""


@dataclass(frozen=True)
class ManyKeys:
    """Learns to decode what codes have in common under any key, and needs no pair of the victims' key.

    The attacker veils his own images under `keys` keys of his own. Of each set of codes, his and the victims', he
    takes the components along axes that statistics of the set alone determine (`Axes`), so that what a component shows
    depends as little as may be on the key; a network then learns the way from components to images over all his keys.
    An amortised form of what statistical key recovery does for linear veils, for any veil whose keys can be drawn.

    Attributes:
        keys: how many are drawn.
        steps: of the network's training.
    """

    keys: int
    steps: int
    adversary: Adversary = Adversary.CIPHERTEXT_ONLY
    knowledge: str = "the victims' shards, images of his own, and as many keys of the same veil as he cares to draw"

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return AttackId(family="decoder for any key", drawn_keys=self.keys)

    def reconstruct(self, case: Case) -> Frames:
        """Learn on drawn keys, decode the victims.

        Raises:
            OptionError: if nobody can draw keys of what is attacked.
        """
        return self.learn(case).reconstruct(case)

    def learn(self, case: Case) -> "AnyKeyDecoder":
        """Learn on drawn keys; the victims and their key are not looked at.

        Raises:
            OptionError: if nobody can draw keys of what is attacked.
        """
        random_key = case.target.random_key
        if random_key is None:
            raise OptionError(f"no other key of {case.target.name} can be drawn")
        chance = np.random.default_rng(case.seed)
        reference = _axes(random_key(0), case.known)
        pieces = [self._pieces(random_key(number), case.known, reference, chance) for number in range(1, self.keys + 1)]
        components, targets = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        torch.manual_seed(case.seed)
        net = GridDecoder(components.shape[1], case.target.patch)

        def draw(chance: np.random.Generator) -> tuple[Tensor, Tensor]:
            places = chance.integers(0, len(components), _BATCH)
            return torch.from_numpy(components[places]).float(), to_targets(targets[places])

        net.learn(draw, self.steps, chance)
        return AnyKeyDecoder(net, reference)

    @staticmethod
    def _pieces(target: AttackTarget, known: Images, reference: Axes, chance: np.random.Generator) -> Pieces:
        """Veil some known images, half of the time mirrored, half of the time enlarged, and keep pieces of them."""
        taken = known.take(chance.permutation(len(known))[: chance.integers(*_SET, endpoint=True)].tolist())
        frames = taken.frames[:, :, ::-1] if chance.random() < 0.5 else taken.frames
        frames = np.stack([_enlarged(frame, chance) for frame in frames]) if chance.random() < 0.5 else frames
        taken = Images(np.ascontiguousarray(frames), taken.cameras, taken.boxes)  # of no video any more
        codes = target.encode(taken)
        components = Axes.of(codes, target.levels, _AXES).turned_to(reference, codes).components(codes)
        places = [piece(chance, components.shape, min(_MOST_CELLS, _SIDE // target.patch)) for _ in range(_PIECES)]
        cut = np.stack([components[image, :, rows, columns] for image, rows, columns in places])
        shown = np.stack([pixels(taken.frames, place, target.patch) for place in places])
        return np.clip(cut, -_FAR, _FAR).astype(np.float16), shown


@dataclass(frozen=True)
class AnyKeyDecoder:
    """A decoder that learnt on drawn keys.

    Attributes:
        net: leads from components along common axes to images.
        reference: the axes of a drawn key, which those of any other are turned to.
    """

    net: GridDecoder
    reference: Axes

    def reconstruct(self, case: Case) -> Frames:
        """Decode the victims, the codes of each camera by their own axes: uint8[N, H, W, 3]."""
        codes, cameras = case.target.encode(case.victims), np.array(case.victims.cameras)
        out = np.empty_like(case.victims.frames)
        for camera in dict.fromkeys(case.victims.cameras):
            mine = codes[cameras == camera]
            axes = Axes.of(mine, case.target.levels, _AXES).turned_to(self.reference, mine)
            planes = (torch.from_numpy(axes.components(code_CGG[None])).clamp(-_FAR, _FAR) for code_CGG in mine)
            out[cameras == camera] = self.net.decode(planes)
        return out


def _enlarged(frame: Frames, chance: np.random.Generator) -> Frames:
    """Enlarge a part of an image, uint8[H, W, 3], to the whole."""
    height, width = frame.shape[:2]
    share = chance.uniform(*_ZOOM)
    rows, columns = int(height * share), int(width * share)
    top, left = int(chance.integers(height - rows + 1)), int(chance.integers(width - columns + 1))
    part = Image.fromarray(np.ascontiguousarray(frame[top : top + rows, left : left + columns]))
    return np.asarray(part.resize((width, height), Image.Resampling.BICUBIC))


def _axes(target: AttackTarget, known: Images) -> Axes:
    return Axes.of(target.encode(known), target.levels, _AXES)
