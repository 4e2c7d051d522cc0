"""A frame's bits are those that a decoder could read, and few where codes follow from one another."""

import lzma
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate
from math import ceil

import numpy as np
import pytest

from raypp.audit.coding.adaptive_model import AdaptiveModel, bands
from raypp.audit.coding.code_length import coded_bits, spread

CHANCE = np.random.default_rng(0)


def noise(*shape: int, levels: int = 8) -> np.ndarray:
    return CHANCE.integers(0, levels, shape, dtype=np.uint8)


def smooth(count: int, seed: int) -> np.ndarray:
    """Frames whose values follow from those above, on the left, and in the channel before, but for one in ten."""
    chance = np.random.default_rng(seed)
    frames = chance.integers(0, 8, (count, 3, 16, 16), dtype=np.uint8)
    keeps = chance.random(frames.shape) < 0.9
    for row in range(1, 16):
        for column in range(1, 16):
            here = (frames[:, 0, row - 1, column] * 3 + frames[:, 0, row, column - 1]) % 8
            frames[:, 0, row, column] = np.where(keeps[:, 0, row, column], here, frames[:, 0, row, column])
    frames[:, 1] = np.where(keeps[:, 1], 7 - frames[:, 0], frames[:, 1])
    return frames


def learnt() -> AdaptiveModel:
    model = AdaptiveModel(3, 8)
    for frame in smooth(6, 1):
        model.code(frame)
    return model


def order(frame: np.ndarray) -> Iterator[tuple[int, slice]]:
    return ((channel, rows) for channel in range(len(frame)) for rows in bands(frame.shape[1]))


def edges(share: np.ndarray) -> list[Fraction]:
    """Where each value begins in [0, 1], exactly."""
    ends = list(accumulate(map(Fraction, share.tolist())))
    return [end / ends[-1] for end in (Fraction(0), *ends)]


def test_a_frame_is_decoded_from_as_many_bits_as_are_counted() -> None:
    """An arithmetic coder without rounding: the message is a number in an interval as wide as its probability."""
    frame, encoder, decoder = smooth(1, 3)[0, :, :8], learnt(), learnt()
    low, width = Fraction(0), Fraction(1)
    for channel, rows in order(frame):
        shares = encoder.probabilities(frame, channel, rows).reshape(-1, 8)
        for share, value in zip(shares, frame[channel, rows].reshape(-1), strict=True):
            begins = edges(share)
            low, width = low + width * begins[value], width * (begins[value + 1] - begins[value])
        encoder.learn(frame, channel, rows)
    bits = ceil(learnt().code(frame)) + 1
    message = ceil(low * 2**bits)
    assert low <= Fraction(message, 2**bits) < low + width
    number, decoded = Fraction(message, 2**bits), noise(*frame.shape)
    for channel, rows in order(frame):
        for place in np.ndindex(*decoded[channel, rows].shape):
            begins = edges(decoder.probabilities(decoded, channel, rows)[place])
            value = next(value for value in range(8) if number < begins[value + 1])
            decoded[channel, rows][place] = value
            number = (number - begins[value]) / (begins[value + 1] - begins[value])
        decoder.learn(decoded, channel, rows)
    assert np.array_equal(decoded, frame)
    assert bits < 0.9 * frame.size * 3


def test_what_follows_from_what_was_coded_takes_few_bits_and_noise_takes_all() -> None:
    frames, before = smooth(3, 4), smooth(12, 5)
    cold, warm = (coded_bits([*frames], 8, [*earlier]) for earlier in (before[:0], before))
    general = 8 * len(lzma.compress(before.tobytes() + frames.tobytes())) - 8 * len(lzma.compress(before.tobytes()))
    assert warm.sum() < cold.sum() < frames.size * 3
    assert warm.sum() < 0.9 * general
    assert np.array_equal(coded_bits([*frames], 8, [*before]), warm)
    drawn = noise(2, 3, 16, 16)
    assert coded_bits([*drawn], 8, [*before]).tolist() == [drawn[0].size * 3] * 2


def test_few_bits_are_those_of_a_frame_whatever_names_its_values_have() -> None:
    frames, before, names = smooth(2, 6), smooth(4, 7), np.random.default_rng(8).permutation(8).astype(np.uint8)
    renamed = coded_bits([*names[frames]], 8, [*names[before]])
    assert renamed == pytest.approx(coded_bits([*frames], 8, [*before]), rel=1e-3)


@pytest.mark.parametrize(("count", "most", "places"), [(0, 3, []), (5, 0, [0]), (5, 2, [0, 4]), (3, 9, [0, 1, 2])])
def test_some_are_taken_evenly(count: int, most: int, places: list[int]) -> None:
    assert spread(count, most) == places
