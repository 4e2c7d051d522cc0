"""Silhouettes: what stands or moves before a fixed camera, told from codes alone."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Codes, Decisions, Floats, Frames, Images
from raypp.audit.metrics.scores import LUMA
from raypp.errors import OptionError

_VIDEO = 40
"""Frames of a video that tell what it shows when nothing is there."""
_SOMETHING, _NOTHING = 20.0, 5.0
"""Grey levels by which a cell's luma is from the video's median where something is, and where nothing is."""
_OF_EACH = 4
"""Cells of a kind that are drawn from an image: those beside one another say the same."""


@dataclass(frozen=True)
class Silhouettes:
    """Tells which cells of a veiled frame show something that is not always there.

    How often each code occurs in a cell and channel over a whole video tells what the empty scene's codes are,
    noise and all; a cell whose codes are rare there, and its neighbours' too, shows something else: subtraction of
    the background (Stauffer and Grimson, CVPR 1999), of codes. No veil whose unchanged cells have like codes can
    hide that, and no detector would work on another.

    Judged are cells, a few of each image: those whose mean luma is far from the video's median, and those near it.
    """

    id: ClassVar[AttackId] = AttackId(family="silhouettes of what moves")
    adversary: Adversary = Adversary.CIPHERTEXT_ONLY
    knowledge: str = "shards of whole videos of fixed cameras"

    def decide(self, case: Case) -> Decisions:
        """Return how rare codes are, of cells where something is and of cells where nothing is.

        Raises:
            OptionError: if no victim is of a video.
        """
        chance = np.random.default_rng(case.seed)
        so, not_so = [np.zeros(0)], [np.zeros(0)]
        recorded = [place for place, moment in enumerate(case.victims.moments) if moment]
        if not recorded:
            raise OptionError(f"{self.id.name} can be told in videos alone; name some")
        for place in recorded:
            victim = case.victims.take([place])
            video = video_of(victim)
            rare = surprise(case.target.encode(video), case.target.encode(victim)[0], case.target.levels)
            usual = np.median(_luma(video.frames, rare.shape), axis=0)
            away = np.abs(_luma(victim.frames, rare.shape)[0] - usual)
            for answers, kind in ((so, away > _SOMETHING), (not_so, away < _NOTHING)):
                of_kind = rare[kind]
                answers.append(of_kind[chance.permutation(len(of_kind))[:_OF_EACH]])
        return Decisions(np.concatenate(so), np.concatenate(not_so))


def video_of(victim: Images) -> Images:
    """Return frames of the video that a single image is of."""
    (moment,) = victim.moments
    assert moment is not None  # noqa: S101 - asked for of such alone
    frames = moment.whole(_VIDEO)
    return Images(frames, victim.cameras * len(frames), ((),) * len(frames))


def surprise(frames_NCGG: Codes, code_CGG: Codes, levels: int) -> Floats:
    """How rare a frame's codes are in its video, mean over channels and 3x3 cells, in nats: float64[G, G']."""
    counts = np.zeros(code_CGG.shape)
    for frame_CGG in frames_NCGG:
        counts += frame_CGG == code_CGG
    rare = -np.log((counts + 1) / (len(frames_NCGG) + levels)).mean(axis=0)
    wide = np.pad(rare, 1, mode="edge")
    rows, columns = rare.shape
    parts = [wide[down : down + rows, right : right + columns] for down in range(3) for right in range(3)]
    return np.asarray(np.mean(parts, axis=0))


def _luma(frames: Frames, grid: tuple[int, ...]) -> Floats:
    """Mean luma of every cell, float64[N, G, G']."""
    count, height, width, _ = frames.shape
    cut = (frames @ np.array(LUMA)).reshape(count, grid[0], height // grid[0], grid[1], width // grid[1])
    return np.asarray(cut.mean(axis=(2, 4)))
