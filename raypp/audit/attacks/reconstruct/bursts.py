"""Many frames of one scene: what an attacker gains who has not one veiled frame of it but a burst."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Attack, AttackTarget, Case, Codes, Frames, Images

SENSOR = 2.5
"""Standard deviation, in grey levels, of the noise that makes a burst of a still image: a webcam's by day."""
_FINE = 256


class Merge(StrEnum):
    """How the codes of a burst become one."""

    MEAN = "mean"
    """Codes as amounts: their mean over the frames, to 256 levels. What undoes dither."""
    VOTES = "votes"
    """Codes as names: for each channel and value, the share of frames that have it there."""


@dataclass(frozen=True)
class OverFrames:
    """Another attack, made on codes merged over a burst of every image, known and attacked.

    A fixed camera looks at a scene where nothing moves: its frames differ by noise, and codes near the border of two
    values change from frame to frame. How often they do tells where between the borders the cell lies, which no single
    frame does: what dither is to a converter. Where the image is of a video, the burst is the frames that follow it;
    else it is the image under noise drawn anew, of 2.5 grey levels. The attacker makes bursts of his own images
    likewise.

    Attributes:
        inner: the attack.
        frames: of a burst.
        merge: how its codes become one.
    """

    inner: Attack
    frames: int
    merge: Merge

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return self.inner.id.applied(merge=self.merge.value, frames=self.frames)

    @property
    def adversary(self) -> Adversary:
        """As of the attack."""
        return self.inner.adversary

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        return f"{self.inner.knowledge}; of each scene {self.frames} frames"

    def reconstruct(self, case: Case) -> Frames:
        """Make the attack on merged codes."""
        return self.inner.reconstruct(replace(case, target=over_frames(case.target, self.frames, self.merge)))


def over_frames(target: AttackTarget, frames: int, merge: Merge) -> AttackTarget:
    """Return a target whose codes are merged over bursts of so many frames; 256 levels."""

    def encode(images: Images) -> Codes:
        return np.stack([merged(target.encode(burst(images, place, frames))) for place in range(len(images))])

    def merged(codes_TCGG: Codes) -> Codes:
        if merge is Merge.MEAN:
            average = codes_TCGG.mean(axis=0) / (target.levels - 1)
        else:
            values = np.arange(target.levels, dtype=np.uint8)[:, None, None]
            votes = sum((code_CGG[:, None] == values).astype(np.uint16) for code_CGG in codes_TCGG)
            average = votes.reshape(-1, *codes_TCGG.shape[2:]) / len(codes_TCGG)
        fine: Codes = np.rint(average * (_FINE - 1)).astype(np.uint8)
        return fine

    random_key = target.random_key
    return replace(
        target,
        channels=target.channels * (1 if merge is Merge.MEAN else target.levels),
        levels=_FINE,
        encode=encode,
        features=None,
        random_key=None if random_key is None else lambda number: over_frames(random_key(number), frames, merge),
        other_owner_key=None,
    )


def burst(images: Images, place: int, count: int) -> Images:
    """Return an image and those that follow it in its video, `count` in all, or, of a still, as many under noise."""
    moment = images.moments[place] if images.moments else None
    frames = moment.burst(count) if moment else _noisy(images.frames[place], count)
    return Images(frames, images.cameras[place : place + 1] * len(frames), ((),) * len(frames))


def _noisy(frame: Frames, count: int) -> Frames:
    """A still image first, then the same under a sensor's noise, uint8[count, H, W, 3]."""
    chance = np.random.default_rng(int(frame.sum(dtype=np.int64)))
    out = np.repeat(frame[None], count, axis=0)
    for noisy in out[1:]:
        noise = chance.standard_normal(frame.shape, dtype=np.float32) * np.float32(SENSOR)
        noisy[...] = np.clip(np.rint(frame + noise), 0, 255)
    return out
