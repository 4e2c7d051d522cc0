"""Features are inverted through the layers that made them, and features of nothing lead to no image."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from raypp.audit.attacks.reconstruct.bridge import Decoder, FeatureBridge
from raypp.audit.attacks.reconstruct.inversion import FeatureInversion
from raypp.audit.core.model import Case, Features, Images
from raypp.audit.metrics import scores
from raypp.audit.suite.insider import PublicStages
from raypp.audit.targets import baselines
from raypp.errors import OptionError
from tests.audit.images import detail

INVERSION = FeatureInversion(60, variation=1.0)


@pytest.fixture(scope="module")
def public() -> PublicStages:
    """Two strided convolutions that nobody trained."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 24, 3, 2, 1), nn.SiLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.SiLU()]
    return PublicStages(nn.Sequential(*layers).eval(), 4)


def case(public: PublicStages, known: Images, victims: Images, features: Features) -> Case:
    return Case(replace(baselines.noise(4, 4, 8, 0), features=lambda _: features), known, victims, 0, public)


def test_it_comes_nearer_than_a_linear_decoder_to_what_true_features_are_of(
    public: PublicStages, known: Images, victims: Images
) -> None:
    given = case(public, known, victims, public(victims.frames))
    inverted, linear = INVERSION.reconstruct(given), FeatureBridge(Decoder.LINEAR, aligned=True).reconstruct(given)
    assert detail(inverted, victims) > detail(linear, victims) + 0.02
    assert scores.psnr(inverted, victims.frames).mean() > scores.psnr(linear, victims.frames).mean()


def test_features_of_nothing_lead_to_no_image(public: PublicStages, known: Images, victims: Images) -> None:
    drawn = np.random.default_rng(1).normal(size=(len(victims), 48, 32, 24)).astype(np.float32)
    assert abs(detail(INVERSION.reconstruct(case(public, known, victims, drawn)), victims)) < 0.1


def test_it_sees_of_victims_what_the_adapter_gives_and_nothing_else(
    public: PublicStages, known: Images, victims: Images
) -> None:
    short, features = FeatureInversion(3), public(victims.frames)
    scrambled = replace(victims, frames=np.random.default_rng(0).permuted(victims.frames, axis=None))
    honest, other = (short.reconstruct(case(public, known, images, features)) for images in (victims, scrambled))
    assert np.array_equal(honest, other)
    assert all(parameter.grad is None for parameter in public.layers.parameters())


def test_without_a_detector_it_says_what_it_needs(known: Images, victims: Images) -> None:
    with pytest.raises(OptionError, match="give `model` and `weights`"):
        INVERSION.reconstruct(Case(baselines.noise(4, 4, 8, 0), known, victims))
