"""Training of a generator: epoch after epoch, gone on with after a stop, and ended before it learns frames by heart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from raypp.detect.precision import half_precision
from raypp.detect.training_state import TrainingState, holds_state, read_state, write_state
from raypp.progress import Progress
from raypp.synthesis.aside import keep_aside
from raypp.synthesis.augmentation import moved_by_cells, with_errors
from raypp.synthesis.batches import MapDrawer, draw_hidden, grouped
from raypp.synthesis.frames import RealFrame
from raypp.synthesis.membership import guess_error, membership_auc
from raypp.synthesis.network import MaskedCodeNetwork, NetworkShape, hidden_loss

_RATE, _DECAY, _WARM_UP = 2e-3, 0.05, 30
_AVERAGED = 0.99
_BESIDE = 1
"""So many learned frames are judged for each that is kept aside."""
_PATIENCE = 8
"""Epochs without a better one, after which the training ends."""
_MOST_TOLD = 0.51
"""An epoch is used only if its loss tells learned frames from those kept aside with no higher AUC, but for chance."""
_UNLABELLED = 0.1
"""Share of frames whose labels the generator does not see, so that it knows what labels change."""
_JUDGED_MASKS = 4
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class GeneratorTask:
    """Frames and schedule of a generator.

    Attributes:
        frames: all train frames.
        maps: draws label maps.
        epochs: passes over the frames, at most.
        batch: frames of a step.
        seed: of weights, order and masks.
        amp: mixed precision; None for wherever AMX is.
    """

    frames: Sequence[RealFrame]
    maps: MapDrawer
    epochs: int
    batch: int
    seed: int
    amp: bool | None

    @cached_property
    def parts(self) -> tuple[list[RealFrame], list[RealFrame]]:
        """Frames that are learned, and those kept aside."""
        return keep_aside(self.frames)

    @property
    def learned(self) -> list[RealFrame]:
        """Frames that are trained on."""
        return self.parts[0]

    @property
    def aside(self) -> list[RealFrame]:
        """Frames that are kept aside."""
        return self.parts[1]

    @property
    def beside(self) -> list[RealFrame]:
        """Learned frames, spread over all of them, that those kept aside are compared with."""
        learned, count = self.learned, min(_BESIDE * len(self.aside), len(self.learned))
        return [learned[number * len(learned) // count] for number in range(count)]

    def network(self) -> MaskedCodeNetwork:
        """Return a network of the codes' shape with random weights, by the seed."""
        header = self.maps.header
        planes = self.maps.planes([self.frames[0].layout]).shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return MaskedCodeNetwork(NetworkShape(header.channels, 1 << header.bits, header.sub_keys, planes))


@dataclass(frozen=True)
class JudgedEpoch:
    """Judgement of an epoch's weights.

    Attributes:
        loss: mean on frames kept aside, in nats a value.
        auc: how well losses tell learned frames from those kept aside; 0.5 is a guess.
        error: standard error of a guess's AUC.
    """

    loss: float
    auc: float
    error: float

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key, the best first: epochs that tell too much come last, those that tell least before the others."""
        return max(self.auc, _MOST_TOLD + self.error), self.loss


@dataclass(frozen=True)
class TrainedGenerator:
    """Weights of the best epoch.

    Attributes:
        weights: by name, float32.
        epoch: from 1.
    """

    weights: dict[str, Tensor]
    epoch: int


def train_generator(task: GeneratorTask, folder: Path, progress: Progress) -> TrainedGenerator:
    """Train a generator, or go on with it where a stopped run was.

    Args:
        task: frames and schedule.
        folder: the owner's; the state of the training stays in it.
        progress: is told each epoch, and how far the running one is.
    """
    network = task.network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    averages = {name: value.clone() for name, value in network.state_dict().items()}
    judged: list[JudgedEpoch] = []
    best, updates = averages, 0
    if holds_state(folder):
        state = read_state(folder)
        network.load_state_dict(state.model)
        optimiser.load_state_dict(state.optimizer)
        averages, updates = state.ema, state.updates
        judged, best = [JudgedEpoch(*item) for item in state.extra["judged"]], state.extra["best"]
        progress.say(f"generator: goes on after epoch {state.epoch}")
    learned = task.learned
    steps = sum(1 for _ in grouped(learned, task.batch, None))
    while len(judged) < task.epochs and len(judged) - _best(judged) < _PATIENCE:
        epoch = len(judged)
        generator = torch.Generator().manual_seed(hash_of(task.seed, epoch))
        with progress.task(f"epoch {epoch + 1}/{task.epochs}", steps) as advance, torch.random.fork_rng(devices=[]):
            torch.manual_seed(hash_of(task.seed, epoch))
            for frames in grouped(learned, task.batch, generator):
                for group in optimiser.param_groups:
                    group["lr"] = _rate(updates, steps * task.epochs)
                _step(network, optimiser, task, frames, generator)
                updates += 1
                _average(averages, network, min(_AVERAGED, updates / (updates + 10)))
                advance(1, "", len(frames))
        judged.append(judge_epoch(task, averages))
        if _best(judged) == len(judged):
            best = {name: value.clone() for name, value in averages.items()}
        bits, auc = judged[-1].loss / math.log(2), judged[-1].auc
        judgement = f"{bits:.3f} bits a value on frames kept aside, told from learned ones with AUC {auc:.3f}"
        progress.say(f"epoch {epoch + 1}/{task.epochs}: {judgement}")
        extra = {"judged": [(item.loss, item.auc, item.error) for item in judged], "best": best}
        state = TrainingState(
            len(judged), network.state_dict(), averages, updates, optimiser.state_dict(), {}, None, extra
        )
        write_state(folder, state, private=True)
    return TrainedGenerator(best, _best(judged))


def judge_epoch(task: GeneratorTask, weights: dict[str, Tensor]) -> JudgedEpoch:
    """Judge some weights by the frames kept aside, and by as many and more that were learned."""
    network = task.network()
    network.load_state_dict(weights)
    aside, beside = (
        frame_losses(network.eval(), frames, task.maps, task.amp, task.seed) for frames in (task.aside, task.beside)
    )
    auc = membership_auc(beside.tolist(), aside.tolist())
    return JudgedEpoch(float(aside.mean()), auc, guess_error(len(beside), len(aside)))


@torch.inference_mode()
def frame_losses(
    network: MaskedCodeNetwork, frames: Sequence[RealFrame], maps: MapDrawer, amp: bool | None, seed: int
) -> Tensor:
    """Return the loss of each frame under the same hidden places, float32[N], in nats a value, in the frames' order.

    Args:
        network: in evaluation mode.
        frames: of any shapes.
        maps: draws their label maps.
        amp: mixed precision.
        seed: of the hidden places.
    """
    losses: dict[str, Tensor] = {}
    half = half_precision(_CPU, amp)
    for some in grouped(frames, 32, None):
        tensors = maps.tensors(some)
        total = torch.zeros(len(some))
        generator = torch.Generator().manual_seed(hash_of(seed, 1 << 20))
        for number in range(_JUDGED_MASKS):
            places = torch.rand(tensors.codes.shape[1:], generator=generator)
            hidden = (places < (number + 1) / (_JUDGED_MASKS + 1)).expand_as(tensors.codes)
            with torch.autocast("cpu", dtype=half, enabled=half is not None):
                total += hidden_loss(network, tensors.codes, tensors.planes, hidden, tensors.sub_key)
        losses |= zip((frame.sample_id for frame in some), total / _JUDGED_MASKS, strict=True)
    return torch.stack([losses[frame.sample_id] for frame in frames])


def hash_of(*numbers: int) -> int:
    """Mix numbers into a seed, in [0, 2**63)."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 6364136223846793005 + number + 1442695040888963407) % (1 << 63)
    return mixed


def _step(
    network: MaskedCodeNetwork,
    optimiser: torch.optim.Optimizer,
    task: GeneratorTask,
    frames: Sequence[RealFrame],
    generator: torch.Generator,
) -> None:
    levels = network.shape.levels
    tensors = moved_by_cells(task.maps.tensors(frames), levels, generator)
    bare = torch.rand((len(tensors), 1, 1, 1), generator=generator) < _UNLABELLED
    planes = torch.where(bare, task.maps.unlabelled(tensors.planes), tensors.planes)
    hidden = draw_hidden(tensors.codes, generator) & (tensors.codes < levels)
    shown = with_errors(tensors.codes, levels, generator)
    half = half_precision(_CPU, task.amp)
    network.train()
    with torch.autocast("cpu", dtype=half, enabled=half is not None):
        loss = hidden_loss(network, tensors.codes, planes, hidden, tensors.sub_key, shown).mean()
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()


@torch.no_grad()
def _average(averages: dict[str, Tensor], network: MaskedCodeNetwork, kept: float) -> None:
    for name, value in network.state_dict().items():
        averages[name].lerp_(value, 1 - kept)


def _rate(updates: int, steps: int) -> float:
    warm = min(1.0, (updates + 1) / _WARM_UP)
    return _RATE * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(updates / max(steps, 1), 1.0))))


def _best(judged: Sequence[JudgedEpoch]) -> int:
    """Number of the best epoch, from 1; 0 for none."""
    return min(range(len(judged)), key=lambda number: judged[number].rank) + 1 if judged else 0
