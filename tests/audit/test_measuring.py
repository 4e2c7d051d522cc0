"""What an attack made is measured as a person would who looks at it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.audit import baselines, scores
from raypp.audit.measuring import Guess, rebuilt_row
from raypp.audit.model import Adversary, AttackRow, Case, Frames, Pictures

BLOCK = 8


@dataclass(frozen=True)
class Painter:
    """An attack whose outcome is given."""

    made: Frames
    adversary: Adversary = Adversary.OUTSIDER
    name: str = "painter"
    knowledge: str = "everything"

    def rebuild(self, _: Case) -> Frames:
        return self.made


@pytest.fixture
def truth() -> Frames:
    """Bright flat pictures, a quarter of them textured."""
    frames = np.full((4, 64, 64, 3), 230, dtype=np.uint8)
    frames[:, :32, :32] = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
    return frames


def measured(truth: Frames, attack: Painter, folder: Path) -> AttackRow:
    pictures = Pictures(truth, ("camera",) * len(truth), ((),) * len(truth))
    case = Case(baselines.pixelation(BLOCK), pictures, pictures)
    return rebuilt_row("pixelation", attack, case, Guess.of(pictures, pictures, BLOCK), folder / "pictures" / "a.png")


def inside_out(truth: Frames) -> Frames:
    """Every cell's mean as it is, and its detail the wrong way round: most like the truth by SSIM of what is flat."""
    cells = truth.astype(float).reshape(4, 8, BLOCK, 8, BLOCK, 3)
    means = np.broadcast_to(cells.mean(axis=(2, 4), keepdims=True), cells.shape)
    return np.clip(2 * means - cells, 0, 255).round().astype(np.uint8).reshape(truth.shape)


def test_detail_that_is_there_the_wrong_way_round_is_found(truth: Frames, tmp_path: Path) -> None:
    made = inside_out(truth)
    assert scores.ssim(made, truth).mean() > scores.ssim(255 - made, truth).mean()
    row = measured(truth, Painter(made), tmp_path)
    assert row.detail is not None
    assert row.detail.mean > 0.9
    drawn = np.asarray(Image.open(tmp_path / "pictures" / "a.png"))
    shown = next(place for place, one in enumerate(truth) if np.array_equal(drawn[:64, :64], one))
    assert np.array_equal(drawn[:64, 64:], 255 - made[shown])


def test_a_holder_of_pairs_knows_which_way_round_it_is(truth: Frames, tmp_path: Path) -> None:
    row = measured(truth, Painter(inside_out(truth), Adversary.PAIRS), tmp_path)
    assert row.detail is not None
    assert row.detail.mean < -0.9


def test_pictures_scored_one_by_one_score_as_all_at_once(truth: Frames, tmp_path: Path) -> None:
    made = np.clip(truth.astype(int) // 2 + np.random.default_rng(1).integers(0, 90, truth.shape), 0, 255).astype(
        np.uint8
    )
    row = measured(truth, Painter(made), tmp_path)
    pictures = Pictures(truth, ("camera",) * 4, ((),) * 4)
    guess = Guess.of(pictures, pictures, BLOCK)
    leaked = scores.leakage(scores.detail(made, truth, BLOCK), guess.detail)
    assert row.detail == scores.estimate(leaked)
    assert row.psnr_db == scores.estimate(scores.psnr(made, truth))
