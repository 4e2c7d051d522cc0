"""Bounds of a veil are right where the answer is known, and moves where a weakness is planted."""

import numpy as np
import pytest

from raypp.audit.bounds import bounds_on, detail_of, directions, explained_share
from raypp.audit.core.model import Images, WhiteBox
from raypp.audit.footage.evidence import Evidence
from raypp.audit.verdict.assumptions import (
    ALONG,
    BITS_PER_CELL,
    BITS_PER_PIXEL,
    BY_AROUND,
    BY_CELL,
    CELL_VALUES,
    DIRECTIONS,
    KB_PER_FRAME,
)
from raypp.errors import ModelError
from raypp.veil.key import VeilKey
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import LearnedSpec, PatchSpec, VeilSpec
from raypp.veil.veil import Veil
from tests.veil.networks import small_network

KEY = VeilKey(bytes(range(32)))
CHANCE = np.random.default_rng(0)


def bounds(spec: VeilSpec, known: Images, victims: Images) -> dict[str, float]:
    network = EncoderNetwork(small_network()) if isinstance(spec, LearnedSpec) else None
    return bounds_on(Veil(spec, KEY, network), Evidence(known, victims, 0), pytest.fail)


def test_codes_of_the_patch_veil_move_in_no_more_directions_than_it_projects_on(known: Images, victims: Images) -> None:
    narrow, wide = (bounds(PatchSpec(channels=channels), known, victims) for channels in (4, 16))
    assert narrow[CELL_VALUES] == 192
    assert (narrow[BITS_PER_CELL], wide[BITS_PER_CELL]) == (12, 48)
    assert wide[BITS_PER_PIXEL] == 0.75
    assert wide[KB_PER_FRAME] == 0.75 * known.frames[0, :, :, 0].size / 8000
    assert narrow[DIRECTIONS] == 4
    assert 14 <= wide[DIRECTIONS] <= 16  # along one or two they may move too little to count
    assert 0 < narrow[ALONG] < wide[ALONG] < 1


def test_a_veil_that_folds_little_is_told_to_a_linear_decoder(known: Images, victims: Images) -> None:
    weak = PatchSpec(fold=0, mix=1, dither=0, bits=4, channels=64, band_high=14, chroma_high=14, sub_keys=1)
    folded, open_to_all = bounds(PatchSpec(), known, victims), bounds(weak, known, victims)
    assert folded[BY_CELL] < 0.05
    assert open_to_all[BY_CELL] > 0.5
    assert folded[BY_CELL] < folded[BY_AROUND] < 0.3
    assert BY_AROUND not in open_to_all  # nine times 64 channels of 16 levels are too many names


def test_an_encoder_of_mean_colours_moves_along_them_and_tells_no_detail(known: Images, victims: Images) -> None:
    spec = LearnedSpec(channels=6, bits=3, sub_keys=3, encoder=KEY.name_encoder(small_network()))
    figures = bounds(spec, known, victims)
    assert figures[BITS_PER_CELL] == 18
    assert figures[BITS_PER_PIXEL] == 18 / 64
    assert figures[DIRECTIONS] == 3
    assert figures[ALONG] < 0.3
    assert figures[BY_CELL] < 0.3


def test_where_slopes_cannot_be_had_it_is_said_and_the_rest_is_computed(
    known: Images, victims: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> WhiteBox:
        raise ModelError("the encoder has operations without a gradient here: Erf; fit one from yolov8n")

    monkeypatch.setattr("raypp.audit.bounds.open_white_box", refuse)
    lines = list[str]()
    figures = bounds_on(Veil(PatchSpec(), KEY, None), Evidence(known, victims, 0), lines.append)
    assert not {DIRECTIONS, ALONG} & set(figures)
    assert {CELL_VALUES, BY_CELL, BY_AROUND} < set(figures)
    (line,) = lines
    assert line.startswith("directions in which codes move are not computed: the encoder has operations")


def test_directions_are_those_that_slopes_span() -> None:
    axes = np.linalg.qr(CHANCE.normal(size=(12, 3)))[0]
    axes_found = directions([CHANCE.normal(size=(5, 3)) @ axes.T for _ in range(20)])
    assert axes_found.shape == (12, 3)
    assert np.allclose(axes_found @ axes_found.T, axes @ axes.T)


def test_what_lies_along_all_directions_is_everything_and_along_none_nothing() -> None:
    pixels = CHANCE.normal(size=(400, 12))
    wanted = pixels @ detail_of(2).T
    assert explained_share(pixels, wanted) == pytest.approx(1, abs=1e-5)
    assert explained_share(pixels[:, :0], wanted) == 0
    assert 0.2 < explained_share(pixels[:, :6], wanted) < 0.8


def test_a_linear_decoder_is_told_what_least_squares_finds() -> None:
    features = CHANCE.normal(size=(4000, 7))
    targets = features @ CHANCE.normal(size=(7, 3)) + CHANCE.normal(size=(4000, 3))
    design = np.hstack([features, np.ones((4000, 1))])
    left = targets - design @ np.linalg.lstsq(design, targets, rcond=None)[0]
    share = 1 - left.var(axis=0).sum() / targets.var(axis=0).sum()
    assert explained_share(features, targets) == pytest.approx(share, abs=2e-3)


def test_of_noise_nothing_is_told_however_many_features_there_are() -> None:
    assert explained_share(CHANCE.normal(size=(1500, 500)), CHANCE.normal(size=(1500, 4))) == pytest.approx(0, abs=0.05)


def test_detail_is_luma_inside_a_cell_without_its_mean() -> None:
    cell = CHANCE.normal(size=(4, 4, 3))
    luma = cell @ (0.299, 0.587, 0.114)
    assert np.allclose(detail_of(4) @ cell.reshape(-1), (luma - luma.mean()).reshape(-1))
