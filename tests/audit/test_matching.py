"""Matching finds an image by its codes or its labels where they tell, and is at chance where they do not."""

import numpy as np
import pytest

from raypp.audit.attacks.identify.matching import ActivityMatcher, LabelMatcher, PairsMatcher, own_ranks, ranked
from raypp.audit.core.model import AttackTarget, Case, Codes, Images
from raypp.audit.targets import baselines
from raypp.geometry.boxes import Box
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil

SIZE = (160, 240)


def _images(count: int, cameras: int = 1, seed: int = 0) -> Images:
    """Smooth surfaces, the camera's own, with a few things on them, the image's own; each thing has a label."""
    frames, boxes = [], []
    for number in range(count):
        scene = np.random.default_rng([seed, number % cameras])
        things = np.random.default_rng([seed, 1000, number])
        y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]] / 40
        image = 120 + 50 * np.sin(x * scene.uniform(0.2, 1) + scene.uniform(0, 6)) * np.cos(y * scene.uniform(0.2, 1))
        mine = []
        for _ in range(6):
            height, width = things.integers(16, 48, 2)
            top, left = things.integers(0, SIZE[0] - height), things.integers(0, SIZE[1] - width)
            image[top : top + height, left : left + width] = things.uniform(0, 255, (height, width))
            place = ((left + width / 2) / SIZE[1], (top + height / 2) / SIZE[0], width / SIZE[1], height / SIZE[0])
            mine.append(("thing", Box(0, *map(float, place))))
        image += things.normal(0, 3, SIZE)
        frames.append(np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2))
        boxes.append(tuple(mine))
    return Images(np.stack(frames), tuple(f"camera {index % cameras}" for index in range(count)), tuple(boxes))


def _veil() -> AttackTarget:
    spec = PatchSpec()
    veil = Veil(spec, VeilKey(bytes(range(32))))

    def encode(images: Images) -> Codes:
        named = zip(images.frames, images.cameras, strict=True)
        return np.concatenate([veil.stream("site", camera).encode(frame[None]) for frame, camera in named])

    return AttackTarget("veil", spec.patch, spec.channels, spec.levels, encode)


def _ranks(matcher: ActivityMatcher | LabelMatcher, target: AttackTarget, victims: Images) -> np.ndarray:
    return matcher.ranks(Case(target, victims, victims))


@pytest.mark.parametrize("cameras", [1, 4])
def test_the_default_veil_keeps_images_apart(cameras: int) -> None:
    ranks = _ranks(ActivityMatcher(), _veil(), _images(20, cameras))
    assert ranks.dtype == np.int64
    assert (ranks == 0).mean() > 0.5  # chance is 0.05


def test_noise_is_matched_by_chance() -> None:
    ranks = _ranks(ActivityMatcher(), baselines.noise(8, 16, 8, 0), _images(100))
    assert (ranks == 0).mean() <= 0.05
    assert ranks.mean() == pytest.approx(49.5, abs=10)


def _with_negatives(images: Images) -> Images:
    """Images that codes of cells' activity cannot tell from their negatives."""
    frames = np.concatenate([images.frames, 255 - images.frames])
    return Images(frames, images.cameras * 2, images.boxes * 2)


def test_pairs_tell_a_image_from_its_negative_where_activity_does_not() -> None:
    known, victims = _images(6, seed=1), _with_negatives(_images(8))
    case = Case(baselines.linear_mix(8, 0), known, victims)
    assert (ActivityMatcher().ranks(case) == 0).mean() < 0.7
    assert (PairsMatcher(6).ranks(case) == 0).all()
    assert PairsMatcher(6).id.name == "activity of cells and ridge, 6 pairs"


@pytest.mark.parametrize("known", [1, 2])
def test_few_pairs_match_too(known: int) -> None:
    case = Case(baselines.linear_mix(8, 0), _images(known, seed=1), _images(8))
    assert (PairsMatcher(10).ranks(case) == 0).mean() > 0.5


def test_pairs_do_not_match_noise() -> None:
    ranks = PairsMatcher(6).ranks(Case(baselines.noise(8, 16, 8, 0), _images(6, seed=1), _images(60)))
    assert (ranks == 0).mean() <= 0.07
    assert ranks.mean() == pytest.approx(29.5, abs=8)


def test_codes_that_are_all_the_same_are_ties() -> None:
    images = _images(5)
    flat = AttackTarget(
        "flat", 8, 2, 8, lambda some: np.zeros((len(some), 2, SIZE[0] // 8, SIZE[1] // 8), dtype=np.uint8)
    )
    assert _ranks(ActivityMatcher(), flat, images).tolist() == [2] * 5


def test_a_match_does_not_depend_on_the_order_of_victims() -> None:
    images, order = _images(12), [5, 3, 11, 0, 8, 1, 10, 2, 9, 4, 7, 6]
    ranks = _ranks(ActivityMatcher(), _veil(), images)
    assert np.array_equal(_ranks(ActivityMatcher(), _veil(), images.take(order)), ranks[order])


def test_labels_alone_tell_images_apart_but_for_equal_labels() -> None:
    images = _images(6, 2)
    boxes = (*images.boxes[:3], (), (), ())
    images = Images(images.frames, images.cameras, boxes)
    blind = baselines.noise(8, 1, 2, 0)
    assert _ranks(LabelMatcher(), blind, images).tolist() == [0, 0, 0, 1, 1, 1]


def test_labels_of_another_class_in_the_same_place_are_other_labels() -> None:
    box = Box(0, 0.5, 0.5, 0.2, 0.2)
    images = _images(2)
    images = Images(images.frames, images.cameras, ((("hammer", box),), (("saw", box),)))
    assert _ranks(LabelMatcher(), baselines.noise(8, 1, 2, 0), images).tolist() == [0, 0]


def test_a_tie_counts_as_its_middle() -> None:
    likeness = np.array([[1.0, 1.0, 1.0, 2.0], [0.0, 5.0, 1.0, 2.0], [3.0, 2.0, 1.0, 0.0], [7.0, 7.0, 7.0, 7.0]])
    assert own_ranks(likeness).tolist() == [2, 0, 2, 2]
    assert ranked(np.array([[3.0, 1.0, 3.0, 2.0]])).tolist() == [[2.5, 0.0, 2.5, 1.0]]
