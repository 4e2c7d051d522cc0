"""The place of one worker among those that train together, and how it reports an epoch to the others' supervisor."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import torch

from raypp.train.results import EpochResult, record

Item = TypeVar("Item")
Report = Callable[[dict[str, Any], Path | None], None]
"""Takes the figures of an epoch, and the folder of its checkpoint, which it copies."""


class Gather(Protocol):
    """Gives what every worker has to all of them, in the order of their ranks."""

    def __call__(self, mine: list[Item], /) -> list[Item]:
        """Return the items of all workers; each must call."""
        ...


def _to_nobody(_metrics: dict[str, Any], _checkpoint: Path | None) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class WorkerContext:
    """The place of one worker among those that train together.

    Attributes:
        rank, workers: this worker's number, and how many there are.
        device: where this worker computes.
        wrap: makes the network that averages gradients over workers; None for one worker.
        gather: gives every worker's items to all of them.
        report: hands an epoch's figures on, and from rank 0 the folder of its checkpoint.
    """

    rank: int
    workers: int
    device: torch.device
    wrap: Callable[[Any], Any] | None
    gather: Gather
    report: Report

    @classmethod
    def alone(cls, device: torch.device, report: Report = _to_nobody) -> Self:
        """A worker without others."""
        return cls(rank=0, workers=1, device=device, wrap=None, gather=list, report=report)

    def end_epoch(
        self,
        out: Path,
        result: EpochResult,
        write: Callable[[Path], None],
        *,
        parts: Path | None = None,
        prefix: str | None = None,
    ) -> None:
        """Record an epoch and report it with its checkpoint; all workers call, and the first one writes.

        Args:
            out: folder of the training.
            result: the epoch.
            write: writes the checkpoint into a folder.
            parts: where that folder is made, until `report` has taken it over; None for the system's place.
            prefix: begin of its name.
        """
        if self.rank:
            self.report(result.model_dump(), None)
            return
        record(out, result)  # before its checkpoint: else an epoch that a crash cuts here would be missing
        with tempfile.TemporaryDirectory(prefix=prefix, dir=parts) as folder:
            write(Path(folder))
            self.report(result.model_dump(), Path(folder))
