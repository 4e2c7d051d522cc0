"""Statistical key recovery opens a linear mix and nothing else; it and the view never look at plain victims."""

from dataclasses import replace

import numpy as np
import pytest

from raypp.audit.attacks.reconstruct.statistics import StatisticalKeyRecovery
from raypp.audit.attacks.reconstruct.view import ComponentView, ImageItself
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Attack, AttackTarget, Case, Frames, Images
from raypp.audit.suite.suite import BASELINES, LINEAR_4, LINEAR_8, NOISE, PIXELATED_16, PLAIN, VEIL, suite
from raypp.audit.targets import baselines
from raypp.demo.workshop.render import Camera
from raypp.demo.workshop.scene import make_bench, make_light
from raypp.demo.workshop.script import make_script
from raypp.demo.workshop.tools import CLASSES, make_tool
from raypp.media.obfuscation import Blur, Pixelation

SIZE = (192, 96)


def _benches(seeds: range) -> Images:
    frames = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        tools = [make_tool(kind, generator) for kind in range(len(CLASSES))]
        script = make_script(list(range(len(CLASSES))), 20.0, SIZE, generator)
        eye = Camera(make_bench(SIZE, generator), tools, script, make_light(SIZE, generator), generator)
        frames.append(eye.image(0, 5.0)[0])
    return Images(np.stack(frames), ("bench",) * len(frames), ((),) * len(frames))


@pytest.fixture(scope="module")
def known() -> Images:
    return _benches(range(24))


@pytest.fixture(scope="module")
def victims() -> Images:
    return _benches(range(100, 108))


def _psnr(reconstructed: Frames, frames: Frames) -> float:
    return float(10 * np.log10(255**2 / np.square(reconstructed.astype(float) - frames).mean()))


def _blind(known: Images, victims: Images) -> float:
    return _psnr(np.full_like(victims.frames, round(known.frames.mean())), victims.frames)


@pytest.mark.parametrize("key", [0, 1, 2])
def test_a_linear_mix_is_opened_without_any_pair(known: Images, victims: Images, key: int) -> None:
    case = Case(baselines.linear_mix(4, key), known, victims)
    assert _psnr(StatisticalKeyRecovery().reconstruct(case), victims.frames) >= 20


def test_cameras_are_opened_each_by_itself(known: Images, victims: Images) -> None:
    keys = {"left": baselines.linear_mix(4, 5), "right": baselines.linear_mix(4, 6)}
    both = replace(victims, cameras=("left", "right") * 4)

    def encode(images: Images) -> Frames:
        alone = range(len(images))
        return np.concatenate([keys[images.cameras[place]].encode(images.take([place])) for place in alone])

    reconstructed = StatisticalKeyRecovery().reconstruct(Case(replace(keys["left"], encode=encode), known, both))
    for camera, target in keys.items():
        mine = [place for place, camera_of_frame in enumerate(both.cameras) if camera_of_frame == camera]
        alone = StatisticalKeyRecovery().reconstruct(Case(target, known, both.take(mine)))
        assert np.array_equal(reconstructed[mine], alone)


def test_noise_tells_it_nothing(known: Images, victims: Images) -> None:
    reconstructed = StatisticalKeyRecovery().reconstruct(Case(baselines.noise(8, 16, 8, 0), known, victims))
    assert _psnr(reconstructed, victims.frames) < _blind(known, victims) + 0.5
    luma, true = reconstructed.mean(axis=3).ravel(), victims.frames.mean(axis=3).ravel()
    assert abs(np.corrcoef(luma, true)[0, 1]) < 0.1


@pytest.mark.parametrize(
    "target",
    [baselines.obscured(Pixelation(side=16)), baselines.linear_mix(16, 0), baselines.obscured(Blur(sigma=2.0))],
)
def test_any_channels_and_patch_give_images(known: Images, victims: Images, target: AttackTarget) -> None:
    reconstructed = StatisticalKeyRecovery(restarts=2).reconstruct(
        Case(target, known.take(range(6)), victims.take([0, 1]))
    )
    assert reconstructed.shape == (2, 96, 192, 3)
    assert reconstructed.dtype == np.uint8


@pytest.mark.parametrize("attack", [StatisticalKeyRecovery(restarts=4), ComponentView()])
def test_plain_victims_are_never_read_and_known_images_never_veiled(
    attack: Attack, known: Images, victims: Images
) -> None:
    target = baselines.linear_mix(8, 3)
    codes = target.encode(victims)
    images_seen = []

    def encode(images: Images) -> Frames:
        images_seen.append(images)
        return codes

    stub = replace(target, encode=encode)
    scrambled = replace(victims, frames=np.random.default_rng(0).permuted(victims.frames, axis=None))
    honest, other = (attack.reconstruct(Case(stub, known, images)) for images in (victims, scrambled))
    assert np.array_equal(honest, other)
    assert [images is expected for images, expected in zip(images_seen, (victims, scrambled), strict=True)] == [
        True,
        True,
    ]


def test_the_view_shows_a_linear_mix_the_right_way_round(known: Images, victims: Images) -> None:
    case = Case(baselines.linear_mix(8, 0), known, victims)
    view = ComponentView().reconstruct(case)
    assert np.corrcoef(view.mean(axis=3).ravel(), victims.frames.mean(axis=3).ravel())[0, 1] > 0.9
    assert np.array_equal(view[..., 0], view[..., 2])
    assert ComponentView().colours(case).shape == victims.frames.shape


def test_the_view_of_noise_is_noise(known: Images, victims: Images) -> None:
    view = ComponentView().reconstruct(Case(baselines.noise(8, 16, 8, 0), known, victims))
    assert abs(np.corrcoef(view.mean(axis=3).ravel(), victims.frames.mean(axis=3).ravel())[0, 1]) < 0.1


def test_what_still_is_a_image_is_seen_as_that(known: Images, victims: Images) -> None:
    blur = Blur(sigma=2.0)
    assert np.array_equal(ImageItself().reconstruct(Case(baselines.plain(), known, victims)), victims.frames)
    blurred = ImageItself().reconstruct(Case(baselines.obscured(blur), known, victims))
    assert np.array_equal(blurred[0], blur(victims.frames[0], []))
    squares = Case(baselines.obscured(Pixelation(side=16)), known, victims)
    seen, grey = (_psnr(attack.reconstruct(squares), victims.frames) for attack in (ImageItself(), ComponentView()))
    assert seen > grey + 1


def test_what_leaves_a_image_is_attacked_as_one_and_nothing_else_is() -> None:
    for budget in Budget:
        planned = suite(budget).planned_as(AttackId(family="the image itself"))
        assert VEIL not in planned.on
        assert {PIXELATED_16, PLAIN} <= set(planned.on) <= {*BASELINES, PLAIN} - {NOISE, LINEAR_4, LINEAR_8}
