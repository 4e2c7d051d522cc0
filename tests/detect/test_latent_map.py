"""The keyed map of latents: one to one, smooth, by key alone; with no layers it is the encoder without names."""

import numpy as np
import pytest
import torch

from raypp.detect.latent_map import LatentMap, MappedEncoder
from raypp.errors import OptionError
from raypp.veil.learned import EncoderNetwork
from tests.rekey.places import NEW, OLD, SPEC
from tests.veil.networks import small_network

pytest.importorskip("zuko")
_CHANNELS = 8


@pytest.mark.parametrize("layers", [1, 4])
def test_the_map_is_one_to_one(layers: int) -> None:
    mapping = LatentMap(_CHANNELS, layers, bytes(32))
    values = torch.randn(200, _CHANNELS, generator=torch.Generator().manual_seed(1))
    mapped = mapping(values)
    assert (mapping.inverse(mapped) - values).abs().max() < 1e-3
    assert (mapped - values).abs().mean() > 0.3
    assert (mapped.mean(0).abs() < 0.5).all()
    assert ((mapped.std(0) > 0.5) & (mapped.std(0) < 2)).all()


def test_a_key_gives_one_map_and_another_key_another() -> None:
    values = torch.randn(50, _CHANNELS, generator=torch.Generator().manual_seed(2))
    first, again, other = (LatentMap(_CHANNELS, 3, seed)(values) for seed in (bytes(32), bytes(32), b"\1" * 32))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.3


def test_a_smooth_map_keeps_neighbours_together() -> None:
    mapping = LatentMap(_CHANNELS, 4, bytes(32))
    values = torch.randn(50, _CHANNELS, generator=torch.Generator().manual_seed(3))
    near = (mapping(values + 1e-3) - mapping(values)).norm(dim=1)
    far = (mapping(values.roll(1, 0)) - mapping(values)).norm(dim=1)
    assert near.max() < 0.2 * far.min()


def test_without_layers_it_is_the_encoder_short_of_its_names() -> None:
    frame = np.random.default_rng(4).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    content = small_network()
    plain = MappedEncoder(content, SPEC, 0, OLD).levels(frame)
    # A value in the middle of two levels may fall to either side.
    difference = np.abs(plain.astype(int) - EncoderNetwork(content).levels(frame))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.02
    mapped, other = (MappedEncoder(content, SPEC, 4, key).levels(frame) for key in (OLD, NEW))
    assert mapped.shape == plain.shape
    assert mapped.max() < SPEC.levels
    assert (mapped != other).any()


def test_too_many_layers_are_refused() -> None:
    with pytest.raises(OptionError, match="`layers` 33 must be from 0 to 32"):
        LatentMap(_CHANNELS, 33, bytes(32))
