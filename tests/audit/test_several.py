"""Codes under several keys tell more than under one; pairs of one key serve for another only where statistics align."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from raypp.audit.attacks.reconstruct.names import Names
from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.attacks.reconstruct.several import Alignment, OtherKey, UnderKeys, under_keys
from raypp.audit.core.model import AttackTarget, Case, Codes, Images
from raypp.audit.targets import baselines
from raypp.audit.targets.target import veil
from raypp.errors import OptionError
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from tests.audit.images import detail
from tests.audit.test_statistics import _benches

RIDGE = Ridge(4, 3000)


@pytest.fixture(scope="module")
def known() -> Images:
    return _benches(range(24))


@pytest.fixture(scope="module")
def victims() -> Images:
    return _benches(range(100, 116))


def narrow(seed: int = 0) -> AttackTarget:
    target = baselines.narrowed(baselines.linear_mix(4, seed), 8)
    return replace(target, other_owner_key=lambda number: narrow(seed + number))


def linear(seed: int = 0) -> AttackTarget:
    return replace(baselines.linear_mix(4, seed), other_owner_key=lambda number: linear(seed + number))


def substituted(seed: int = 0) -> AttackTarget:
    base = baselines.dithered(baselines.narrowed(baselines.linear_mix(8, 0), 8), 3, 0)
    return replace(baselines.renamed(base, seed), other_owner_key=lambda number: substituted(seed + number))


def test_more_keys_tell_more(known: Images, victims: Images) -> None:
    case = Case(narrow(), known, victims)
    single, four = (detail(UnderKeys(RIDGE, keys).reconstruct(case), victims) for keys in (1, 4))
    assert four > single + 0.05, (single, four)


@pytest.mark.parametrize(
    ("weak", "alignment"), [(linear, Alignment.AXES), (substituted, Alignment.NAMES)], ids=["axes", "names"]
)
def test_pairs_of_another_key_open_a_weak_veil_once_codes_are_aligned(
    weak: Callable[[], AttackTarget], alignment: Alignment, known: Images, victims: Images
) -> None:
    case = Case(weak(), known, victims)
    without, aligned = (detail(OtherKey(RIDGE, way).reconstruct(case), victims) for way in (Alignment.NONE, alignment))
    assert without < 0.15
    assert aligned > without + 0.3, (without, aligned)


def test_of_the_victims_only_their_own_codes_are_used(known: Images, victims: Images) -> None:
    calls: list[tuple[str, bool]] = []

    def noted(name: str, target: AttackTarget) -> AttackTarget:
        def encode(images: Images) -> np.ndarray:
            calls.append((name, images is victims))
            return target.encode(images)

        return replace(target, encode=encode)

    case = Case(replace(noted("own", linear(0)), other_owner_key=lambda _: noted("other", linear(1))), known, victims)
    OtherKey(RIDGE, Alignment.NONE).reconstruct(case)
    assert sorted(calls) == [("other", False), ("own", True)]


def test_names_are_found_by_frequency_alone(known: Images, victims: Images) -> None:
    codes, reference = substituted(5).encode(victims), substituted(9).encode(known)
    renamed = Names.of(codes, reference, 8).renamed(codes)
    assert np.mean(renamed == substituted(9).encode(victims)) > 0.9


def test_the_owners_other_keys_are_other_sub_keys_in_turn(known: Images) -> None:
    mine = veil(Veil(PatchSpec(sub_keys=3), VeilKey(bytes(32))))
    assert mine.other_owner_key is not None
    four = [mine.encode(known), *(mine.other_owner_key(number).encode(known) for number in (1, 2, 3))]
    assert all(np.mean(four[a] != four[b]) > 0.5 for a, b in ((0, 1), (0, 2), (1, 2)))
    assert 0.05 < np.mean(four[0] != four[3]) < 0.5  # the same sub-key again, under another dither
    together = under_keys(mine, 3)
    assert together.channels == 48
    assert np.array_equal(together.encode(known), np.concatenate(four[:3], axis=1))
    assert together.random_key is not None
    assert together.random_key(0).encode(known).shape == (24, 48, 12, 24)


def test_where_there_is_no_other_key_it_says_so(known: Images, victims: Images) -> None:
    for attack in (UnderKeys(RIDGE, 2), OtherKey(RIDGE, Alignment.NONE)):
        with pytest.raises(OptionError, match="linear mix 4x4 has no other key"):
            attack.reconstruct(Case(baselines.linear_mix(4, 0), known, victims))


def test_a_drawn_encoder_that_stands_for_all_keys_veils_an_image_once(known: Images) -> None:
    calls: list[int] = []

    def encode(images: Images) -> Codes:
        calls.append(len(images))
        return images.frames[:, ::8, ::8].transpose(0, 3, 1, 2)

    alone = AttackTarget("drawn", 8, 3, 256, encode)
    codes = under_keys(replace(alone, other_owner_key=lambda _: alone), 4).encode(known)
    assert calls == [len(known)]
    assert np.array_equal(codes, np.concatenate([encode(known)] * 4, axis=1))
