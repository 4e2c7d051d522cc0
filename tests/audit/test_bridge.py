"""The feature bridge opens codes whose adapter leads to public features, and finds nothing where it leads nowhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from raypp.audit.attacks.reconstruct.bridge import Decoder, FeatureBridge, align
from raypp.audit.attacks.reconstruct.linear import LinearDecoder
from raypp.audit.core.model import Case, Features, Images
from raypp.audit.metrics import scores
from raypp.audit.suite.insider import PublicStages, open_features
from raypp.audit.targets import baselines
from raypp.errors import OptionError
from tests.audit.images import detail

LINEAR, NETWORK = FeatureBridge(Decoder.LINEAR, aligned=False), FeatureBridge(Decoder.NETWORK, aligned=True, steps=60)


@pytest.fixture(scope="module")
def public() -> PublicStages:
    """Two strided convolutions that nobody trained: enough of an image stays."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 24, 3, 2, 1), nn.SiLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.SiLU()]
    return PublicStages(nn.Sequential(*layers).eval(), 4)


@pytest.mark.parametrize("attack", [LINEAR, NETWORK], ids=lambda bridge: bridge.id.name)
def test_open_features_are_opened(attack: FeatureBridge, public: PublicStages, known: Images, victims: Images) -> None:
    target = open_features(public, known.frames)
    codes = target.encode(victims)
    assert (codes.shape, codes.dtype, codes.max()) == ((2, 32, 32, 24), np.uint8, 15)
    assert detail(attack.reconstruct(Case(target, known, victims, 0, public)), victims) > 0.5


@pytest.mark.parametrize("attack", [LINEAR, NETWORK], ids=lambda bridge: bridge.id.name)
def test_an_adapter_that_leads_nowhere_tells_nothing(
    attack: FeatureBridge, public: PublicStages, known: Images, victims: Images
) -> None:
    def features(images: Images) -> Features:
        return np.random.default_rng(1).normal(size=(len(images), 48, 32, 24)).astype(np.float32)

    target = replace(baselines.noise(4, 4, 8, 0), features=features)
    assert abs(detail(attack.reconstruct(Case(target, known, victims, 0, public)), victims)) < 0.1


def test_it_sees_of_victims_what_the_adapter_gives_and_nothing_else(
    public: PublicStages, known: Images, victims: Images
) -> None:
    features = public(victims.frames)
    target = replace(baselines.noise(4, 4, 8, 0), features=lambda _: features)
    scrambled = replace(victims, frames=np.random.default_rng(0).permuted(victims.frames, axis=None))
    honest, other = (LINEAR.reconstruct(Case(target, known, images, 0, public)) for images in (victims, scrambled))
    assert np.array_equal(honest, other)


def test_features_that_drifted_are_aligned(public: PublicStages, known: Images, victims: Images) -> None:
    wanted = public(known.frames)
    drifted = public(victims.frames) * np.linspace(0.2, 3, 48)[:, None, None].astype(np.float32) - 5
    moved = align(drifted, wanted)
    assert np.allclose(moved.mean(axis=(0, 2, 3)), wanted.mean(axis=(0, 2, 3)), atol=1e-3)
    assert np.allclose(moved.std(axis=(0, 2, 3)), wanted.std(axis=(0, 2, 3)), rtol=1e-2)
    target = replace(baselines.noise(4, 4, 8, 0), features=lambda _: drifted)
    case = Case(target, known, victims, 0, public)
    aligned = detail(replace(LINEAR, aligned=True).reconstruct(case), victims)
    assert aligned > detail(LINEAR.reconstruct(case), victims) + 0.05


def test_a_linear_decoder_finds_a_linear_map(known: Images, victims: Images) -> None:
    codes = [baselines.linear_mix(4, 2).encode(images).astype(np.float32) for images in (known, victims)]
    decoded = LinearDecoder.fit(codes[0], known.frames).decode(codes[1])
    assert decoded.shape == victims.frames.shape
    assert scores.psnr(decoded, victims.frames).min() > 30


def test_without_a_detector_it_says_what_it_needs(known: Images, victims: Images) -> None:
    with pytest.raises(OptionError, match="give `model` and `weights`"):
        LINEAR.reconstruct(Case(baselines.noise(4, 4, 8, 0), known, victims))
