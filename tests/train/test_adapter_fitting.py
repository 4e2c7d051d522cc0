"""An adapter can be fitted to what public weights see in the images behind the codes, and then helps."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from raypp.detect.inputs.batch import DetectionBatch, labelled_batch
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError
from raypp.train.adapter_fitting import VeiledPair, distil, fit_adapter
from raypp.train.steps import TrainingStep

_CPU = torch.device("cpu")
_CODES = CodeInput(channels=6, bits=4, patch=8)
_PIXELS, _COUNT, _STEPS = 64, 4, 20


def _plain(seed: int) -> DetectionBatch:
    """Images of flat patches, so that six code values say all there is."""
    patches = np.random.default_rng(seed).integers(0, 256, (_COUNT, 3, _PIXELS // 8, _PIXELS // 8), dtype=np.uint8)
    return labelled_batch(patches.repeat(8, 2).repeat(8, 3), [], tuple(map(str, range(_COUNT))), plain=True)


def _pairs(epoch: int) -> Iterator[VeiledPair]:
    for step in range(_STEPS):
        plain = _plain(epoch * _STEPS + step)
        patches = plain.inputs[:, :, ::8, ::8]
        codes = torch.cat([patches >> 4, patches & 15, torch.zeros_like(patches[:, :1])], dim=1)
        yield VeiledPair(
            DetectionBatch(codes, plain.image_of_M, plain.class_of_M, plain.boxes_M4, plain.sample_ids), plain
        )


def _public() -> DetectionModel:
    """A plain detector whose normalisations know the images, as those of public weights do."""
    public = build_detector("yolov8p", ("a",), None).train()
    for layer in public.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the mean over all that is seen
    with torch.no_grad():
        for seed in range(4):
            public(_plain(seed).network_inputs(_CPU))
    return public


def test_fitting_explains_the_features_and_changes_nothing_but_the_adapter() -> None:
    torch.manual_seed(0)
    public = _public()
    model = build_detector("yolov8p", ("a",), _CODES)
    before = {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("model.3.")}
    little = fit_adapter(model, public, _pairs, 1, _STEPS, _CPU)
    shown: list[TrainingStep] = []
    much = fit_adapter(model, public, _pairs, 5, _STEPS, _CPU, shown.append)
    assert much > max(little, 0.05), (little, much)
    assert [(step.epoch, step.step) for step in shown] == [(e, s) for e in range(1, 6) for s in range(1, _STEPS + 1)]
    assert {step.phase for step in shown} == {"warm-up"}
    assert shown[-1].loss < shown[_STEPS - 1].loss
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


@pytest.mark.parametrize("steps", [1, 2, 10, 11])
def test_few_steps_are_learnt_from(steps: int) -> None:
    weight = torch.nn.Parameter(torch.zeros(1, 3, 1, 1))
    wanted = torch.arange(48.0).reshape(1, 3, 4, 4)
    before = weight.detach().clone()
    assert distil(lambda _: ((weight * wanted, wanted) for _ in range(steps)), [weight], 1, steps) < 1
    assert not torch.equal(weight, before)


def test_plain_detectors_have_nothing_to_fit() -> None:
    plain = build_detector("yolov8p", ("a",), None)
    with pytest.raises(ModelError, match="no adapter"):
        fit_adapter(plain, plain, _pairs, 1, _STEPS, _CPU)
