"""The convolutional attack opens a linear veil, tells nothing of noise, and learns by what leakage is measured by."""

import numpy as np
import pytest
import torch
from torch.nn.functional import pixel_unshuffle

from raypp.audit.attacks.reconstruct.network import cells_of_images, piece
from raypp.audit.attacks.reconstruct.similarity import inside_cells
from raypp.audit.attacks.reconstruct.unet import UNet, as_planes
from raypp.audit.core.model import AttackTarget, Case, Frames, Images
from raypp.audit.metrics import scores
from raypp.audit.targets import baselines
from raypp.media.obfuscation import Pixelation
from tests.audit.images import detail


def test_a_linear_mix_is_opened_and_noise_is_not(known: Images, victims: Images) -> None:
    rows_made = [
        UNet(8, 60).reconstruct(Case(target, known, victims))
        for target in (baselines.linear_mix(4, 3), baselines.noise(8, 4, 8, 0))
    ]
    assert rows_made[0].shape == victims.frames.shape
    assert detail(rows_made[0], victims) > 0.5
    assert abs(detail(rows_made[1], victims)) < 0.1


def test_values_that_are_names_are_learnt_as_names(known: Images, victims: Images) -> None:
    """Four levels of grey, renamed: as amounts they would tell little."""

    def encode(images: Images) -> Frames:
        means = baselines.obscured(Pixelation(side=4)).encode(images).mean(axis=1, keepdims=True)
        return np.array([2, 0, 3, 1], dtype=np.uint8)[np.minimum(means // 64, 3).astype(int)]

    case = Case(AttackTarget("renamed", 4, 1, 4, encode), known, victims)
    planes = as_planes(case.target, encode(known))(encode(victims))
    assert planes.shape == (2, 4, 32, 24)
    assert torch.equal(planes.argmax(1), torch.from_numpy(encode(victims))[:, 0].long())
    assert detail(UNet(8, 60).reconstruct(case), victims) > 0.4


def test_the_same_seed_gives_the_same_images(known: Images, victims: Images) -> None:
    case = Case(baselines.obscured(Pixelation(side=8)), known, victims)
    first, again, other = (
        UNet(2, 3).reconstruct(given) for given in (case, case, Case(case.target, known, victims, 1))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_is_learnt_by_is_what_is_measured() -> None:
    mine, true = (np.random.default_rng(seed).integers(0, 256, (1, 32, 40, 3), dtype=np.uint8) for seed in (0, 1))
    true[:, :8] = 9  # flat cells, which neither counts
    mine = (mine // 2 + true // 2).astype(np.uint8)
    tensors = [
        pixel_unshuffle(torch.from_numpy(frames).permute(0, 3, 1, 2).double() / 64, 8) for frames in (mine, true)
    ]
    assert float(inside_cells(*tensors, 64.0)) == pytest.approx(scores.detail(mine, true, 8)[0], abs=1e-6)


def test_cells_of_images_are_those_of_torch() -> None:
    images = torch.arange(2 * 3 * 8 * 12).reshape(2, 3, 8, 12)
    assert torch.equal(cells_of_images(images, 4), pixel_unshuffle(images, 4))


def test_pieces_lie_within_images() -> None:
    chance = np.random.default_rng(0)
    drawn = [piece(chance, (3, 5, 20, 8), 16) for _ in range(200)]
    assert {image for image, _, _ in drawn} == {0, 1, 2}
    assert {(rows.start, rows.stop) for _, rows, _ in drawn} == {(top, top + 16) for top in range(5)}
    assert {(columns.start, columns.stop) for _, _, columns in drawn} == {(0, 8)}
