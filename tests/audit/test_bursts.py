"""Codes merged over a burst are finer than one frame's; bursts come from videos where there are any."""

from dataclasses import replace

import numpy as np
import pytest

from raypp.audit.attacks.reconstruct.bursts import SENSOR, Merge, OverFrames, burst, over_frames
from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.attacks.reconstruct.view import ComponentView
from raypp.audit.core.model import AttackTarget, Case, Images
from raypp.audit.targets import baselines
from raypp.audit.targets.target import veil
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from tests.audit.images import Recorded, detail, shapes


def coarse(bits: int = 1) -> AttackTarget:
    return baselines.dithered(baselines.linear_mix(4, 3), bits, 0)


@pytest.mark.parametrize("merge", list(Merge))
def test_a_burst_opens_what_coarse_dithered_codes_hide_in_one_frame(merge: Merge) -> None:
    case = Case(coarse(), shapes(3, (96, 96), 0), shapes(2, (96, 96), 1))
    single, many = (
        detail(OverFrames(Ridge(3, 1500), count, merge).reconstruct(case), case.victims) for count in (1, 32)
    )
    assert many > single + 0.1, (single, many)


def test_the_mean_of_many_dithered_codes_is_the_code_itself() -> None:
    images = shapes(1, (32, 32), 0)
    whole = baselines.linear_mix(4, 3).encode(images)
    drawn = [baselines.dithered(baselines.linear_mix(4, 3), 3, seed).encode(images) for seed in range(200)]
    mean = (np.mean(drawn, axis=0) + 0.5) * 32
    assert np.abs(mean - whole)[(whole > 32) & (whole < 224)].max() < 8


def test_votes_of_one_frame_are_its_codes_and_of_many_the_share_of_frames() -> None:
    images = shapes(2, (64, 64), 0)
    mine = veil(Veil(PatchSpec(), VeilKey(bytes(32))))
    votes = over_frames(mine, 1, Merge.VOTES).encode(images).reshape(2, 16, 8, 8, 8)
    assert np.array_equal(votes.argmax(axis=2), mine.encode(images))
    assert set(np.unique(votes)) == {0, 255}
    four = over_frames(mine, 4, Merge.VOTES)
    shares = four.encode(images).reshape(2, 16, 8, 8, 8) / 255
    assert (four.channels, four.levels) == (128, 256)
    assert np.allclose(shares.sum(axis=2), 1, atol=0.02)
    assert np.abs(shares * 4 - np.rint(shares * 4)).max() < 0.02
    assert four.random_key is not None
    assert four.random_key(1).encode(images).shape == (2, 128, 8, 8)


def test_a_still_is_seen_again_under_a_sensors_noise_and_always_the_same() -> None:
    grey = replace(shapes(2, (64, 64), 0), frames=np.full((2, 64, 64, 3), 120, dtype=np.uint8))
    seen = burst(grey, 1, 5)
    assert np.array_equal(seen.frames[0], grey.frames[1])
    assert seen.frames[1:].std() == pytest.approx(SENSOR, rel=0.05)
    assert np.array_equal(seen.frames, burst(grey, 1, 5).frames)
    assert not np.array_equal(seen.frames[1], seen.frames[2])


def test_a_image_of_a_video_is_followed_by_its_video() -> None:
    images = shapes(2, (32, 32), 0)
    video = shapes(6, (32, 32), 1).frames
    recorded = replace(images, moments=(None, Recorded(video)))
    assert np.array_equal(burst(recorded, 1, 4).frames, video[:4])
    assert len(burst(recorded, 1, 9).frames) == 6
    assert len(burst(recorded, 0, 9).frames) == 9
    assert recorded.take([1]).moments == recorded.moments[1:]
    merged = over_frames(coarse(), 6, Merge.MEAN).encode(recorded)
    several = Images(video, ("one",) * 6, ((),) * 6)
    assert np.array_equal(merged[1], np.rint(coarse().encode(several).mean(axis=0) * 255))


def test_who_attacks_and_what_with_is_said() -> None:
    attack = OverFrames(ComponentView(), 16, Merge.MEAN)
    assert attack.id.name == "component view, mean of 16 frames"
    assert attack.adversary is ComponentView().adversary
    assert attack.knowledge.endswith("of each scene 16 frames")
