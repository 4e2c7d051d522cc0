"""One epoch of training on one worker: ultralytics' schedule for YOLOv8, on batches of codes or of images."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from raypp.detect.adapter import CodeAdapter
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.precision import half_precision, resumed_precision
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import TrainingState
from raypp.detect.ultralytics import DetectionModel, ModelEMA, build_optimizer
from raypp.errors import ModelError
from raypp.train.augmentation import CellAugmentation
from raypp.train.frozen_trunk import FrozenTrunk
from raypp.train.prefetch import prefetched
from raypp.train.results import EpochLosses
from raypp.train.steps import OnLoss

_MOST_GRADIENT = 10.0


class Trainer:
    """Trains one detector; with several workers, each holds one and their gradients are averaged.

    Args:
        model: the detector to train.
        schedule: how long.
        device: where.
        workers: workers that train together.
        rank: number of this one.
        wrap: makes the network that averages gradients over workers (DistributedDataParallel); None for one worker.
        augmentation: how batches are augmented; None for batches that come augmented.
        rates: learning rates of other parts that start from nothing, by their type, as multiples of the trunk's.
    """

    def __init__(
        self,
        model: DetectionModel,
        schedule: TrainingSchedule,
        device: torch.device,
        workers: int = 1,
        rank: int = 0,
        wrap: Callable[[Any], Any] | None = None,
        augmentation: CellAugmentation | None = CellAugmentation(),  # noqa: B008 - a frozen value
        rates: Mapping[type[torch.nn.Module], float] = MappingProxyType({}),
    ) -> None:
        self.model = model.to(device, memory_format=torch.channels_last)
        for name, parameter in model.named_parameters():
            if ".dfl" in name:
                parameter.requires_grad = False  # a fixed projection
        self._frozen = FrozenTrunk(model) if schedule.freeze else None
        self.schedule, self._device, self._workers, self._rank = schedule, device, workers, rank
        self._network = wrap(model) if wrap else model
        self._arguments = arguments = model.args
        arguments.epochs, arguments.nbs = schedule.whole, schedule.nominal_batch
        nominal = max(round(arguments.nbs / schedule.batch), 1)
        self._accumulate: int = min(nominal, schedule.steps * schedule.epochs)
        decay = arguments.weight_decay * schedule.batch * nominal / arguments.nbs
        iterations = math.ceil(schedule.steps * schedule.batch / max(schedule.batch, arguments.nbs)) * schedule.whole
        self._optimizer = build_optimizer(model, arguments, len(model.names), decay, iterations)
        self._set_rate(CodeAdapter, schedule.adapter_rate)
        for kind, rate in rates.items():
            self._set_rate(kind, rate)
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lr_lambda=self._decline)
        self._scheduler.last_epoch = -1
        warmup = min(arguments.warmup_epochs, max(schedule.whole - 1, 0))
        self._warmup = round(warmup * schedule.steps)
        self._half = half_precision(device, schedule.amp)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._half is torch.float16)
        self.ema = ModelEMA(model)
        self._augmentation = augmentation
        self.epoch = 0

    def train_epoch(self, batches: Iterable[DetectionBatch], on_loss: OnLoss | None = None) -> EpochLosses:
        """Train on the batches of the next epoch.

        Args:
            batches: this worker's share of them.
            on_loss: is told of each step.

        Raises:
            ModelError: if the loss is not a number, naming epoch and step.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the schedule is stepped before the optimiser, as ultralytics does
            self._scheduler.step()
        self.model.train()
        if self._frozen:
            self._frozen.hold()
        totals: dict[str, float] = {}
        steps = last_step = 0
        self._optimizer.zero_grad()
        with closing(prefetched(self._augmented(batches))) as augmented:
            for step, batch in enumerate(augmented):
                iteration = (self.schedule.before + self.epoch) * self.schedule.steps + step
                accumulate = self._warm_up(iteration)
                for name, value in self._backward(batch, step).items():
                    totals[name] = totals.get(name, 0.0) + value
                steps = step + 1
                if on_loss is not None:
                    on_loss(steps, sum(value for name, value in totals.items() if name.endswith("_loss")) / steps)
                if steps - last_step >= accumulate:
                    self._step()
                    last_step = steps
        if steps > last_step:
            self._step()
        if self._frozen:
            self._frozen.copy(self.model, self.ema.ema)
        rate = float(self._optimizer.param_groups[0]["lr"])
        losses = EpochLosses(self.epoch, {name: value / max(steps, 1) for name, value in totals.items()}, rate)
        self.epoch += 1
        self._shift_heads()
        return losses

    def forget(self, module: torch.nn.Module) -> None:
        """Drop what the optimiser gathered of a module's parameters, whose weights were drawn anew."""
        for parameter in module.parameters():
            self._optimizer.state.pop(parameter, None)

    def state(self, extra: Mapping[str, Any] = MappingProxyType({})) -> TrainingState:
        """Return all that a later trainer needs to go on exactly here.

        Args:
            extra: what the training keeps besides: numbers, words, lists and dicts.
        """
        return TrainingState(
            epoch=self.epoch,
            model=self.model.state_dict(),
            ema=self.ema.ema.state_dict(),
            updates=self.ema.updates,
            optimizer=self._optimizer.state_dict(),
            scaler=self._scaler.state_dict(),
            half=str(self._half or "").removeprefix("torch."),
            extra=dict(extra),
        )

    def restore(self, state: TrainingState) -> None:
        """Go on where `state` was taken, in its precision unless the schedule names one."""
        if self.schedule.amp is None:
            self._half = resumed_precision(self._device, state.half)
            self._scaler = torch.amp.GradScaler(self._device.type, enabled=self._half is torch.float16)
        self.model.load_state_dict(state.model)
        self.ema.ema.load_state_dict(state.ema)
        self.ema.updates = state.updates
        self._optimizer.load_state_dict(state.optimizer)
        self._scaler.load_state_dict(state.scaler)
        self.epoch = state.epoch
        self._scheduler.last_epoch = self.epoch - 1
        self._shift_heads()

    def _set_rate(self, kind: type[torch.nn.Module], rate: float) -> None:
        """Give the parameters of the modules of a type groups of their own, alike but for the learning rate."""
        chosen = {
            id(parameter)
            for layer in self.model.modules()
            if isinstance(layer, kind)
            for parameter in layer.parameters()
        }
        for group in list(self._optimizer.param_groups) if rate != 1 else ():
            mine = [parameter for parameter in group["params"] if id(parameter) in chosen]
            if mine:
                group["params"] = [parameter for parameter in group["params"] if id(parameter) not in chosen]
                alike = {name: value for name, value in group.items() if name not in ("params", "initial_lr")}
                self._optimizer.add_param_group(alike | {"params": mine, "lr": group["lr"] * rate})

    def _shift_heads(self) -> None:
        """Move weight from the many-to-one to the one-to-one loss of an end-to-end head, by epochs that are done."""
        if getattr(self.model, "criterion", None) is None:
            self.model.criterion = self.model.init_criterion()
        criterion = self.model.criterion
        epoch = self.schedule.before + self.epoch
        if epoch and hasattr(criterion, "update"):
            criterion.updates = epoch - 1
            criterion.update()

    def _decline(self, epoch: int) -> float:
        last = self._arguments.lrf
        return float(max(1 - (self.schedule.before + epoch) / self.schedule.whole, 0) * (1.0 - last) + last)

    def _warm_up(self, iteration: int) -> int:
        """Raise learning rates and momentum towards their targets; returns how many batches make a step."""
        arguments = self._arguments
        if not self._warmup or iteration > self._warmup:
            return self._accumulate
        span = [0, self._warmup]
        for group in self._optimizer.param_groups:
            start = arguments.warmup_bias_lr if group.get("param_group") == "bias" else 0.0
            group["lr"] = float(np.interp(iteration, span, [start, group["initial_lr"] * self._decline(self.epoch)]))
            if "momentum" in group:
                group["momentum"] = float(np.interp(iteration, span, [arguments.warmup_momentum, arguments.momentum]))
        return max(1, round(float(np.interp(iteration, span, [1.0, float(self._accumulate)]))))

    def _augmented(self, batches: Iterable[DetectionBatch]) -> Iterator[DetectionBatch]:
        """Augment the batches of the running epoch, each by chance of its own."""
        if self._augmentation is None:
            yield from batches
            return
        epoch = self.schedule.before + self.epoch
        late = epoch >= self.schedule.whole - self.schedule.close_mosaic
        chosen = replace(self._augmentation, mosaic=0.0) if late else self._augmentation
        for step, batch in enumerate(batches):
            yield chosen(batch, np.random.default_rng((self.schedule.seed, epoch, self._rank, step)))

    def _backward(self, batch: DetectionBatch, step: int) -> dict[str, float]:
        with torch.autocast(self._device.type, dtype=self._half, enabled=self._half is not None):
            loss, items = self._network(batch.to_ultralytics(self._device))
            # Workers' gradients are averaged, while ultralytics sums losses over a batch.
            total = loss.sum() * self._workers
        if not torch.isfinite(total):
            raise ModelError(
                f"the loss is {float(total.detach())} in epoch {self.epoch + 1}, step {step + 1}; "
                "lower the learning rate, or look for broken labels"
            )
        self._scaler.scale(total).backward()
        return {name: float(value.detach()) for name, value in items.items()}

    def _step(self) -> None:
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=_MOST_GRADIENT)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad()
        self.ema.update(self.model)
