"""A decoder that learnt on drawn keys opens a linear veil of another key; what a key changes, axes undo."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from raypp.audit.attacks.axes import Axes
from raypp.audit.attacks.reconstruct.many_keys import ManyKeys
from raypp.audit.core.model import AttackTarget, Case, Frames, Images
from raypp.audit.suite.insider import DrawnEncoders, PublicStages
from raypp.audit.targets import baselines
from raypp.audit.targets.target import under_other_key, veil
from raypp.errors import OptionError
from raypp.media.obfuscation import Pixelation
from raypp.veil.key import VeilKey
from raypp.veil.spec import LearnedSpec, PatchSpec
from raypp.veil.veil import Veil
from tests.audit.images import detail
from tests.audit.test_statistics import _benches

KEYS = ManyKeys(4, 60)


@pytest.fixture(scope="module")
def known() -> Images:
    return _benches(range(12))


@pytest.fixture(scope="module")
def victims() -> Images:
    return _benches(range(100, 106))


def linear(seed: int) -> AttackTarget:
    return replace(baselines.linear_mix(4, seed), random_key=lambda number: baselines.linear_mix(4, 50 + number))


@pytest.mark.slow
def test_a_linear_mix_is_opened_without_any_pair_and_noise_is_not(known: Images, victims: Images) -> None:
    reconstructed = KEYS.reconstruct(Case(linear(3), known, victims))
    assert abs(detail(reconstructed, victims)) > 0.5
    drawn = replace(baselines.noise(8, 4, 8, 0), random_key=lambda number: baselines.noise(8, 4, 8, number + 1))
    assert abs(detail(KEYS.reconstruct(Case(drawn, known, victims)), victims)) < 0.15


def test_neither_plain_victims_nor_pairs_of_their_key_are_used(known: Images, victims: Images) -> None:
    codes, images_seen = linear(3).encode(victims), []

    def encode(images: Images) -> Frames:
        images_seen.append(images)
        return codes

    stub = replace(linear(3), encode=encode)
    scrambled = replace(victims, frames=np.random.default_rng(0).permuted(victims.frames, axis=None))
    short = ManyKeys(2, 3)
    honest, other = (short.reconstruct(Case(stub, known, images)) for images in (victims, scrambled))
    assert np.array_equal(honest, other)
    assert [images is wanted for images, wanted in zip(images_seen, (victims, scrambled), strict=True)] == [True, True]


def test_axes_do_not_change_with_names_and_order_of_values(known: Images) -> None:
    codes = veil(Veil(PatchSpec(), VeilKey(bytes(32)))).encode(known)
    chance = np.random.default_rng(0)
    names = np.stack([chance.permutation(8) for _ in range(16)]).astype(np.uint8)
    renamed = np.stack([names[c][codes[:, c]] for c in range(16)], axis=1)[:, chance.permutation(16)]
    reference = Axes.of(codes, 8, 12)
    turned = Axes.of(renamed, 8, 12).turned_to(reference, renamed)
    assert np.allclose(turned.components(renamed), reference.components(codes), atol=1e-2)


def test_turning_undoes_a_rotation_and_its_sign(known: Images) -> None:
    codes = baselines.linear_mix(4, 0).encode(known)
    reference = Axes.of(codes, 256, 8)
    turn = np.linalg.qr(np.eye(8) + 0.15 * np.random.default_rng(1).normal(size=(8, 8)))[0]
    for way in (1, -1):
        turned = replace(reference, matrix=way * reference.matrix @ turn).measured_on(codes)
        back = turned.turned_to(reference, codes).components(codes)
        wanted = reference.components(codes)
        likeness = [abs(np.corrcoef(back[:, axis].ravel(), wanted[:, axis].ravel())[0, 1]) for axis in range(8)]
        assert np.mean(likeness) > 0.95, likeness


def test_keys_are_drawn_of_the_patch_veil_and_rotations_of_a_learned_one(known: Images) -> None:
    mine = veil(Veil(PatchSpec(), VeilKey(bytes(32))))
    assert mine.random_key is not None
    codes = [mine.encode(known), *(mine.random_key(number).encode(known) for number in (0, 1, 1))]
    assert [codes_of_key.shape for codes_of_key in codes] == [codes[0].shape] * 4
    assert np.array_equal(codes[2], codes[3])
    assert all(np.mean(codes[a] != codes[b]) > 0.5 for a, b in ((0, 1), (0, 2), (1, 2)))
    torch.manual_seed(0)
    stages = PublicStages(nn.Sequential(nn.Conv2d(3, 6, 8, 8), nn.SiLU()).eval(), 8)
    for channels in (4, 10):
        spec = LearnedSpec(channels=channels, encoder="0" * 32)
        encoders = DrawnEncoders(stages, known.frames, spec)
        drawn = [encoders(number).encode(known) for number in (0, 1)]
        anew = DrawnEncoders(stages, known.frames, spec)(1).encode(known)
        assert np.array_equal(anew, drawn[1]), "what was looked at once changes no code"
        assert drawn[0].shape == (12, channels, 12, 24)
        assert drawn[0].max() <= 7
        assert np.mean(drawn[0] != drawn[1]) > 0.5


def test_where_no_key_can_be_drawn_it_says_so(known: Images, victims: Images) -> None:
    with pytest.raises(OptionError, match="no other key of pixelation 8 can be drawn"):
        KEYS.reconstruct(Case(baselines.obscured(Pixelation(side=8)), known, victims))


def test_what_was_learnt_once_is_used_against_any_key_of_the_spec(known: Images, victims: Images) -> None:
    short, veil_made = ManyKeys(2, 3), Veil(PatchSpec(), VeilKey(bytes(32)))
    taught = short.learn(Case(veil(veil_made), known, victims.take(())))
    for target in (veil(veil_made), under_other_key(veil_made, 0)):
        case = Case(target, known, victims)
        assert np.array_equal(taught.reconstruct(case), short.reconstruct(case))


def test_other_owners_keys_are_none_that_an_attacker_draws_and_always_the_same(known: Images) -> None:
    veil_made = Veil(PatchSpec(), VeilKey(bytes(32)))
    mine = veil(veil_made)
    assert mine.random_key is not None
    codes = [
        target.encode(known)
        for target in (
            mine,
            *(way(n) for way in (mine.random_key, lambda n: under_other_key(veil_made, n)) for n in (0, 1)),
        )
    ]
    assert all(np.mean(a != b) > 0.5 for place, a in enumerate(codes) for b in codes[:place])
    assert np.array_equal(codes[-1], under_other_key(Veil(PatchSpec(), VeilKey(bytes(31) + b"x")), 1).encode(known))
