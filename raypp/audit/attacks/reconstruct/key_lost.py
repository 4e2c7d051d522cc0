"""The key is lost: what somebody who holds it finds in veiled images, and what their codes no longer hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from raypp.audit.attacks.reconstruct.inversion import variation_of
from raypp.audit.attacks.reconstruct.network import GridDecoder, piece, pixels, to_targets
from raypp.audit.attacks.reconstruct.unet import Planes, as_planes
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, AttackTarget, Case, Codes, Frames, Images, WhiteBox
from raypp.audit.metrics import scores
from raypp.errors import OptionError

_RATE = 0.01
_CELLS, _SIDE, _PIECES, _FRESH = 32, 16, 4, 2
"""Sides of a cut and of a piece in cells, pieces of a cut, and cuts of a step."""
_ZOOM = (0.8, 1.6)
"""Side of what is cut out, over that of what is veiled."""
_TRIED = 4
"""Images of his own, at most, that he keeps to try on which way shows most."""


@dataclass(frozen=True)
class Hold:
    """Weights that hold an optimisation to images, while it seeks those whose codes are the victim's.

    Attributes:
        variation: weight of total variation.
        anchor: weight of the squared distance to where it began, to what a network that knows images made.
    """

    variation: float
    anchor: float


HOLDS = (Hold(variation=30.0, anchor=100.0), Hold(variation=10.0, anchor=1000.0))


@dataclass(frozen=True)
class KeyLost:
    """Inverts the veil as it is under its key: pixels whose values, before they are cut, lie where the codes say.

    Who holds the key veils whatever he likes, and so has pairs without end, of images at any offset and scale: a
    network learns from those what images lie behind codes, and so is the image prior, too. From what it makes of a
    victim, gradients through the veil itself (straight through whatever cuts values; a value beyond the interval of its
    level costs the square of the distance) lead to pixels that agree with the codes, held to little total variation and
    to the network's image. Folds are no way to descend along: whether that helps, and held by how much, he tries on
    images of his own.

    Attributes:
        steps: of the network's training.
        descent: of the optimisation.
    """

    steps: int
    descent: int
    adversary: Adversary = Adversary.WHITE_BOX
    id: ClassVar[AttackId] = AttackId(family="inversion under the key")
    knowledge: str = "the owner's key (of a learned veil, the encoder, too), the victims' shards, and images of his own"

    def reconstruct(self, case: Case) -> Frames:
        """Learn on images of his own, choose the way that shows most of a few others, go it for each victim.

        Raises:
            OptionError: if there is no key to hold.
        """
        target, known = case.target, case.known
        if target.white_box is None:
            raise OptionError(f"{target.name} has no key that could be lost")
        white_boxes = {camera: target.white_box(camera) for camera in sorted({*case.victims.cameras, *known.cameras})}
        apart = min(_TRIED, len(known) // 2)
        own, tried = known.take(range(apart, len(known))), known.take(range(apart))
        decode = self._learnt(target, own, case.seed)
        hold = self._best(target, tried, decode, white_boxes)
        codes = target.encode(case.victims)
        begun = decode(codes)
        return begun if hold is None else self._descended(white_boxes, case.victims, codes, begun, hold)

    def _learnt(self, target: AttackTarget, own: Images, seed: int) -> Callable[[Codes], Frames]:
        """Learn from cuts of his images, veiled as they come; returns what decodes."""
        planes = as_planes(target, target.encode(own))
        torch.manual_seed(seed)
        net = GridDecoder(planes(np.zeros((1, target.channels, 1, 1), dtype=np.uint8)).shape[1], target.patch)

        def draw(chance: np.random.Generator) -> tuple[Tensor, Tensor]:
            drawn = [_piece_of(target, own, planes, chance) for _ in range(_FRESH)]
            inputs, targets = zip(*drawn, strict=True)
            return torch.cat(inputs), torch.cat(targets)

        net.learn(draw, self.steps, np.random.default_rng(seed))
        return lambda codes: net.decode(planes(code_CGG[None]) for code_CGG in codes)

    def _best(
        self, target: AttackTarget, tried: Images, decode: Callable[[Codes], Frames], white_boxes: dict[str, WhiteBox]
    ) -> Hold | None:
        """Return what holds the optimisation that shows most of some images; None if it shows less than none does."""
        codes = target.encode(tried)
        begun = decode(codes)

        def shown(frames: Frames) -> float:
            detail = scores.detail(frames, tried.frames, target.patch)
            return -1.0 if np.isnan(detail).all() else float(np.nanmean(detail))

        best, most = None, shown(begun)
        for hold in HOLDS:
            if (got := shown(self._descended(white_boxes, tried, codes, begun, hold))) > most:
                best, most = hold, got
        return best

    def _descended(
        self, white_boxes: dict[str, WhiteBox], images: Images, codes: Codes, begun: Frames, hold: Hold
    ) -> Frames:
        each = zip(codes, begun, images.cameras, strict=True)
        return np.stack(
            [descend(white_boxes[camera], code_CGG, start, hold, self.descent) for code_CGG, start, camera in each]
        )


def descend(white_box: WhiteBox, codes_CGG: Codes, start_HW3: Frames, hold: Hold, steps: int) -> Frames:
    """Look for an image whose codes are those given, uint8[H, W, 3].

    Args:
        white_box: the veil under its key.
        codes_CGG: of one image.
        start_HW3: where to begin.
        hold: what holds it to images.
        steps: how many.
    """
    levels = torch.from_numpy(white_box.levels(codes_CGG[None])).float()
    start = torch.from_numpy(start_HW3).permute(2, 0, 1)[None].float() / 255
    sought = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([sought], _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        values = white_box.values(sought * 255)
        outside = ((levels - values).relu() + (values - levels - 1).relu()).square().mean()
        held_to = hold.variation * variation_of(sought) + hold.anchor * (sought - start).square().mean()
        (sought.grad,) = torch.autograd.grad(outside + held_to, [sought])
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            sought.clamp_(0, 1)
    frame: Frames = (sought.detach()[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    return frame


def _piece_of(target: AttackTarget, own: Images, planes: Planes, chance: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Cut a square out of one of his images, at any offset and scale, veil it, and take some pieces of it."""
    place = int(chance.integers(len(own)))
    frame = own.frames[place]
    side = min(_CELLS, *(length // target.patch for length in frame.shape[:2])) * target.patch
    cut = min(int(side * chance.uniform(*_ZOOM)), *frame.shape[:2])
    top, left = (int(chance.integers(length - cut + 1)) for length in frame.shape[:2])
    part = Image.fromarray(np.ascontiguousarray(frame[top : top + cut, left : left + cut]))
    square = np.asarray(part.resize((side, side), Image.Resampling.BICUBIC))
    if chance.random() < 0.5:
        square = np.ascontiguousarray(square[:, ::-1])
    codes = target.encode(Images(square[None], (own.cameras[place],), ((),)))
    places = [piece(chance, codes.shape, _SIDE) for _ in range(_PIECES)]
    inputs = planes(np.stack([codes[0, :, rows, columns] for _, rows, columns in places]))
    return inputs, to_targets(np.stack([pixels(square[None], square_place, target.patch) for square_place in places]))
