"""Reconstructions are measured as a person would who looks at them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, AnyAttack, Case, Decisions, Frames, Images, Kind, Ranks
from raypp.audit.core.row import AttackRow, under_key
from raypp.audit.metrics import scores
from raypp.audit.metrics.measure import BlindBaseline, missing_row, row_of
from raypp.audit.targets import baselines
from raypp.media.obfuscation import Pixelation

BLOCK = 8


@dataclass(frozen=True)
class Painter:
    """An attack whose outcome is given."""

    images: Frames
    adversary: Adversary = Adversary.CIPHERTEXT_ONLY
    id: ClassVar[AttackId] = AttackId(family="painter")
    knowledge: str = "everything"

    def reconstruct(self, _: Case) -> Frames:
        return self.images


@dataclass(frozen=True)
class Finder:
    """A match whose outcome is given."""

    adversary: Adversary = Adversary.CIPHERTEXT_ONLY
    id: ClassVar[AttackId] = AttackId(family="finder")
    knowledge: str = "everything"

    def ranks(self, _: Case) -> Ranks:
        return np.array([0, 2, 0, 0])


@dataclass(frozen=True)
class Decider:
    """Decisions that are given."""

    adversary: Adversary = Adversary.INSIDER
    id: ClassVar[AttackId] = AttackId(family="decider")
    knowledge: str = "everything"

    def decide(self, _: Case) -> Decisions:
        return Decisions(np.array([1.0, 2.0, 4.0]), np.array([0.0, 3.0]))


@pytest.fixture
def truth() -> Frames:
    """Bright flat images, a quarter of them textured."""
    frames = np.full((4, 64, 64, 3), 230, dtype=np.uint8)
    frames[:, :32, :32] = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
    return frames


def measured(truth: Frames, attack: AnyAttack, folder: Path) -> AttackRow:
    images = Images(truth, ("camera",) * len(truth), ((),) * len(truth))
    case = Case(baselines.obscured(Pixelation(side=BLOCK)), images, images)
    return row_of("pixelation", attack, case, BlindBaseline.of(images, images, BLOCK), folder / "images" / "a.png")


def inside_out(truth: Frames) -> Frames:
    """Every cell's mean as it is, and its detail the wrong way round: most like the truth by SSIM of what is flat."""
    cells = truth.astype(float).reshape(4, 8, BLOCK, 8, BLOCK, 3)
    means = np.broadcast_to(cells.mean(axis=(2, 4), keepdims=True), cells.shape)
    return np.clip(2 * means - cells, 0, 255).round().astype(np.uint8).reshape(truth.shape)


def test_detail_that_is_there_the_wrong_way_round_is_found(truth: Frames, tmp_path: Path) -> None:
    reconstruction = inside_out(truth)
    assert scores.ssim(reconstruction, truth).mean() > scores.ssim(255 - reconstruction, truth).mean()
    row = measured(truth, Painter(reconstruction), tmp_path)
    assert row.detail is not None
    assert row.detail.mean > 0.9
    drawn = np.asarray(Image.open(tmp_path / "images" / "a.png"))
    shown = next(place for place, frame in enumerate(truth) if np.array_equal(drawn[:64, :64], frame))
    assert np.array_equal(drawn[:64, 64:], 255 - reconstruction[shown])


def test_a_known_plaintext_adversary_knows_which_way_round_it_is(truth: Frames, tmp_path: Path) -> None:
    row = measured(truth, Painter(inside_out(truth), Adversary.KNOWN_PLAINTEXT), tmp_path)
    assert row.detail is not None
    assert row.detail.mean < -0.9


def test_images_scored_one_by_one_score_as_all_at_once(truth: Frames, tmp_path: Path) -> None:
    reconstruction = np.clip(
        truth.astype(int) // 2 + np.random.default_rng(1).integers(0, 90, truth.shape), 0, 255
    ).astype(np.uint8)
    row = measured(truth, Painter(reconstruction), tmp_path)
    images = Images(truth, ("camera",) * 4, ((),) * 4)
    blind = BlindBaseline.of(images, images, BLOCK)
    leaked = scores.leakage(scores.detail(reconstruction, truth, BLOCK), blind.detail)
    assert row.detail == scores.estimate(leaked)
    assert row.psnr_db == scores.estimate(scores.psnr(reconstruction, truth))


def test_a_row_holds_the_figures_of_its_kind_and_no_other(truth: Frames, tmp_path: Path) -> None:
    rows_made = [measured(truth, attack, tmp_path) for attack in (Painter(truth), Finder(), Decider())]
    assert [row.kind for row in rows_made] == [Kind.RECONSTRUCT, Kind.MATCH, Kind.DECIDE]
    figures = ({"detail", "edges", "psnr_db", "ssim", "blind_psnr_db", "image"}, {"top1", "candidates"}, {"auc"})
    for row, own in zip(rows_made, figures, strict=True):
        stated = row.model_dump()
        assert all(stated[name] is not None for name in own)
        assert not stated.keys() & (set().union(*figures) - own)
    _, matched, decided = (row.model_dump() for row in rows_made)
    assert (matched["top1"]["mean"], matched["candidates"], decided["auc"]["mean"]) == (0.75, 4, 4 / 6)
    assert [row.images for row in rows_made] == [4, 4, 5]


def test_an_attack_that_could_not_be_made_has_a_row_of_its_kind() -> None:
    row = missing_row("this veil", Decider(), "it needs --model", 7, 3)
    assert (row.kind, row.attack.name, row.images, row.seed, row.is_veil) == (Kind.DECIDE, "decider", 7, 3, True)
    assert not row.evaluated


class _Learner(Painter):
    """Learns once, and then paints what each target is called."""

    learnt: ClassVar[list[str]] = []

    def learn(self, case: Case) -> "_Learner":
        self.learnt.append(case.target.name)
        return self

    def reconstruct(self, case: Case) -> Frames:
        return case.victims.frames if case.target.name == "open" else np.zeros_like(case.victims.frames)


def test_an_attack_is_measured_under_each_key_and_learns_once(truth: Frames, tmp_path: Path) -> None:
    images = Images(truth, ("camera",) * len(truth), ((),) * len(truth))
    mine, attack = baselines.obscured(Pixelation(side=BLOCK)), _Learner(truth)
    others = [replace(mine, name=name) for name in ("open", "shut")]
    blind = BlindBaseline.of(images, images, BLOCK)
    row = row_of("this veil", attack, Case(mine, images, images), blind, tmp_path / "a.png", others=others)
    assert attack.learnt == [mine.name]
    details = [figures.detail.mean for figures in (row, *row.other_keys) if figures.detail]
    assert details[1] == pytest.approx(1)
    assert details[0] == details[2] < 0.1
    assert under_key(row, 0).detail == row.other_keys[0].detail
    assert under_key(row, 0).other_keys == ()
    matched = row_of("this veil", Finder(), Case(mine, images, images), blind, tmp_path / "b.png", others=others)
    assert [figures.top1 and figures.top1.mean for figures in matched.other_keys] == [0.75, 0.75]
