"""Codes have the length that an ideal coder with contexts gives them, and encoders learn to shorten it."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from raypp.fit.context_model import ContextModel
from raypp.fit.fitting import build_fit
from raypp.fit.settings import FitSettings
from raypp.fit.stem import stem_of

_CHANNELS, _LEVELS, _SIDE = 3, 4, 8


def _one_hot(levels_NCGG: np.ndarray) -> torch.Tensor:
    hot = functional.one_hot(torch.from_numpy(levels_NCGG).long(), _LEVELS).movedim(-1, 2)
    return hot.flatten(1, 2).float()


def _learnt(codes: torch.Tensor, steps: int = 60) -> float:
    model = ContextModel(_CHANNELS, _LEVELS)
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(codes).backward()
        optimizer.step()
    return float(model(codes).detach())


def test_nothing_is_expected_before_anything_was_learnt():
    levels = np.random.default_rng(0).integers(0, _LEVELS, (2, _CHANNELS, _SIDE, _SIDE))
    assert float(ContextModel(_CHANNELS, _LEVELS)(_one_hot(levels)).detach()) == pytest.approx(2)


def test_values_that_follow_from_neighbours_or_channels_before_take_hardly_a_bit():
    rows, columns = np.indices((_SIDE, _SIDE))
    striped = np.tile((rows + 2 * columns) % _LEVELS, (4, _CHANNELS, 1, 1))
    chance = np.random.default_rng(0).integers(0, _LEVELS, (4, 1, _SIDE, _SIDE))
    repeated = np.repeat(chance, _CHANNELS, 1)
    free = np.random.default_rng(1).integers(0, _LEVELS, (64, _CHANNELS, _SIDE, _SIDE))
    assert _learnt(_one_hot(striped)) < 0.1
    assert 2 / 3 - 0.25 < _learnt(_one_hot(repeated)) < 2 / 3 + 0.1, "one channel of three is chance"
    assert _learnt(_one_hot(free)) > 1.8, "the control: each value is as likely as any other everywhere"


def test_a_value_is_expected_from_values_before_it_alone():
    model = ContextModel(_CHANNELS, _LEVELS)
    torch.nn.init.normal_(model.sums.weight)
    codes = _one_hot(np.zeros((1, _CHANNELS, _SIDE, _SIDE), dtype=int)).requires_grad_()
    sums = functional.conv2d(codes, model.sums.weight * model.known, padding=2)
    sums[0, _LEVELS : 2 * _LEVELS, 4, 4].sum().backward()
    assert codes.grad is not None
    used = codes.grad[0].reshape(_CHANNELS, _LEVELS, _SIDE, _SIDE).abs().sum(1) > 0
    before = torch.zeros(_SIDE, _SIDE, dtype=torch.bool)
    before[2:4, 2:7] = before[4, 2:4] = True
    near = before.clone()
    near[3:6, 3:6] = True
    assert torch.equal(used, torch.stack([near, before, before]))


def test_the_encoder_learns_which_values_are_shorter():
    model = ContextModel(_CHANNELS, _LEVELS)
    codes = _one_hot(np.random.default_rng(0).integers(0, 2, (2, _CHANNELS, _SIDE, _SIDE))).requires_grad_()
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    for _ in range(20):
        optimizer.zero_grad()
        model(codes).backward()
        optimizer.step()
    (slope,) = torch.autograd.grad(model(codes), codes)
    by_value = slope.reshape(2, _CHANNELS, _LEVELS, -1).mean((0, 1, 3))
    assert max(by_value[:2]) < min(by_value[2:]), "values that never occur are dear"


def test_only_a_fit_whose_codes_have_a_price_has_a_context_model(tmp_path):
    settings = FitSettings(data=str(tmp_path), architecture="yolov8p", channels=3, bits=2, warm_start=None)
    free, priced = (build_fit(settings.model_copy(update={"rate": rate}), ("saw",)) for rate in (0.0, 0.1))
    assert stem_of(free).context is None
    assert any(".context." in name for name in priced.state_dict())
