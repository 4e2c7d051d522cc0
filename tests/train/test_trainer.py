"""The training loop learns, goes on exactly where it stopped, and says when it cannot."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector, head_of
from raypp.detect.precision import half_precision
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError
from raypp.train.trainer import Trainer
from tests.train.scenes import BATCH, batches_of, draw_scenes

_CODES = CodeInput(channels=4, bits=2, patch=8)
_CPU = torch.device("cpu")


def _trainer(epochs: int, family: str = "yolov8n", amp: bool | None = None) -> Trainer:
    torch.manual_seed(0)
    model = build_detector(family, ("zero", "three"), _CODES)
    return Trainer(model, TrainingSchedule(epochs=epochs, batch=BATCH, steps=2, close_mosaic=1, amp=amp), _CPU)


def _weights(model: DetectionModel) -> torch.Tensor:
    return torch.cat([tensor.flatten().double() for tensor in model.state_dict().values()])


@pytest.mark.parametrize(("family", "epochs", "most"), [("yolov8n", 12, 0.85), ("yolov7p", 24, 0.95)])
def test_losses_fall(family: str, epochs: int, most: float) -> None:
    trainer, scenes = _trainer(epochs, family), draw_scenes()
    losses = [sum(trainer.train_epoch(batches_of(scenes, epoch)).losses.values()) for epoch in range(epochs)]
    assert np.mean(losses[-3:]) < most * np.mean(losses[:3]), losses


@pytest.mark.parametrize("family", ["yolov8n", "yolo26n", "yolov7p"])
def test_a_run_that_was_stopped_goes_on_exactly_where_it_was(family: str) -> None:
    scenes = draw_scenes()
    whole = _trainer(4, family)
    for epoch in range(4):
        last = whole.train_epoch(batches_of(scenes, epoch))
    stopped = _trainer(4, family)
    for epoch in range(2):
        stopped.train_epoch(batches_of(scenes, epoch))
    resumed = _trainer(4, family)
    torch.manual_seed(99)
    resumed.restore(stopped.state())
    for epoch in range(2, 4):
        again = resumed.train_epoch(batches_of(scenes, epoch))
    assert again == last
    assert torch.equal(_weights(resumed.model), _weights(whole.model))
    assert torch.equal(_weights(resumed.ema.ema), _weights(whole.ema.ema))


def test_a_loss_that_is_no_number_ends_training_at_once() -> None:
    trainer = _trainer(2)
    with torch.no_grad():
        head_of(trainer.model).cv3[0][-1].bias.fill_(float("nan"))
    with pytest.raises(ModelError, match="the loss is nan in epoch 1, step 1"):
        trainer.train_epoch(batches_of(draw_scenes(), 0))


def test_rates_rise_in_the_warm_up_and_fall_after_it() -> None:
    trainer, scenes = _trainer(8), draw_scenes()
    rates = [trainer.train_epoch(batches_of(scenes, epoch)).learning_rate for epoch in range(8)]
    top = int(np.argmax(rates))
    assert 1 <= top <= 3
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_the_one_to_one_head_gains_weight_epoch_by_epoch() -> None:
    trainer, scenes = _trainer(4, "yolo26n"), draw_scenes()
    shares = []
    for epoch in range(4):
        trainer.train_epoch(batches_of(scenes, epoch))
        shares.append(trainer.model.criterion.o2o)
    assert shares == pytest.approx([0.2 + 0.7 * done / 3 for done in (1, 2, 3, 3)])


def test_the_adapter_learns_at_a_rate_of_its_own() -> None:
    torch.manual_seed(0)
    model = build_detector("yolov8n", ("zero", "three"), _CODES)
    schedule = TrainingSchedule(epochs=4, batch=BATCH, steps=2, close_mosaic=1, adapter_rate=7)
    trainer, scenes = Trainer(model, schedule, _CPU), draw_scenes()
    for epoch in range(3):
        trainer.train_epoch(batches_of(scenes, epoch))
    groups = trainer._optimizer.param_groups
    adapter = {id(parameter) for parameter in model.model[3].parameters()}
    theirs = [group["lr"] for group in groups if {id(parameter) for parameter in group["params"]} & adapter]
    others = [group["lr"] for group in groups if not {id(parameter) for parameter in group["params"]} & adapter]
    assert sum(len(group["params"]) for group in groups) == len(
        {id(parameter) for g in groups for parameter in g["params"]}
    )
    assert theirs == pytest.approx([7 * others[0]] * len(theirs))
    assert len(theirs) >= 2


@pytest.mark.parametrize(("amx", "half"), [(True, torch.bfloat16), (False, None)])
def test_half_precision_is_chosen_where_the_hardware_has_it(
    amx: bool, half: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx})
    assert half_precision(_CPU) is half
    assert half_precision(torch.device("cuda")) is torch.float16
    assert (half_precision(_CPU, True), half_precision(_CPU, False)) == (torch.bfloat16, None)


def test_a_training_computes_in_the_precision_that_it_was_told() -> None:
    def loss(amp: bool | None) -> float:
        return _trainer(1, amp=amp).train_epoch(batches_of(draw_scenes(), 0)).losses["cls_loss"]

    assert loss(False) != loss(True)
    assert loss(None) == loss(half_precision(_CPU) is not None)


@pytest.mark.parametrize("half", ["bfloat16", "", None])
def test_a_run_that_goes_on_keeps_its_precision(half: str | None) -> None:
    scenes = draw_scenes()

    def go_on(amp: bool | None) -> float:
        trainer = _trainer(2, amp=amp)
        trainer.restore(replace(begun.state(), half=half))
        return trainer.train_epoch(batches_of(scenes, 1)).losses["cls_loss"]

    begun = _trainer(2, amp=bool(half))
    begun.train_epoch(batches_of(scenes, 0))
    if half is not None:
        assert begun.state().half == half
    assert go_on(None) == go_on(bool(half)) != go_on(not half)
