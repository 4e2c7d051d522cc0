"""Silhouettes are told from codes of videos, and from nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from raypp.audit.attacks.identify.silhouettes import Silhouettes, surprise, video_of
from raypp.audit.core.model import AttackTarget, Case, Images
from raypp.audit.metrics import scores
from raypp.audit.targets import baselines
from raypp.audit.targets.target import veil
from raypp.errors import OptionError
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from tests.audit.images import Recorded, shapes

SIDE, STEPS = 96, 9


@pytest.fixture(scope="module")
def victims() -> Images:
    """A dark square walks over a scene, under a camera's noise."""
    scene, chance = shapes(1, (SIDE, SIDE), 3).frames[0], np.random.default_rng(0)
    video = np.repeat(scene[None], STEPS, axis=0).astype(np.float64)
    for step, frame in enumerate(video):
        frame[32:56, step * 8 : step * 8 + 24] = 10
    video = np.clip(video + chance.normal(0, 2, video.shape), 0, 255).astype(np.uint8)
    return Images(video[::4], ("one",) * 3, ((),) * 3, (Recorded(video),) * 3)


def auc_of(target: AttackTarget, victims: Images) -> float:
    decisions = Silhouettes().decide(Case(target, victims, victims))
    assert len(decisions.so) == len(decisions.not_so) == 12
    return scores.auc(decisions.so, decisions.not_so).mean


def test_what_moves_is_told_from_codes_and_not_from_noise(victims: Images) -> None:
    assert auc_of(baselines.linear_mix(8, 1), victims) > 0.9
    assert auc_of(veil(Veil(PatchSpec(), VeilKey(bytes(32)))), victims) > 0.8
    assert 0.2 < auc_of(baselines.noise(8, 16, 8, 1), victims) < 0.8


def test_rare_codes_are_where_something_is(victims: Images) -> None:
    mine = veil(Veil(PatchSpec(), VeilKey(bytes(32))))
    victim = victims.take([1])
    rare = surprise(mine.encode(video_of(victim)), mine.encode(victim)[0], mine.levels)
    assert rare.shape == (12, 12)
    assert rare[4:7, 4:7].mean() > rare[8:].mean() + 0.3


def test_without_a_video_it_says_so(victims: Images) -> None:
    with pytest.raises(OptionError, match="can be told in videos alone"):
        Silhouettes().decide(Case(baselines.linear_mix(8, 1), victims, replace(victims, moments=())))
