"""Settings of a site that takes part in a training: everything but secrets."""

from raypp.errors import OptionError
from raypp.execution import ExecutionSettings
from raypp.io.settings import AbsolutePath, AbsolutePlace, FrozenSettings
from raypp.key_sources.field import AbsoluteKeyPlace


class JoinSettings(FrozenSettings):
    """Settings of a site.

    Attributes:
        archive: its veiled archive.
        out: its folder: rounds, and at the end the model.
        labels_version: label version to train on, or None for the only one.
        weights: its file of the plan's public weights, or None.
        workers: workers that train together.
        gpu: whether each has a GPU.
        amp: mixed precision; None for wherever a GPU or AMX is.
        data_key_path: data key of encrypted shards, or None.
        execution: where it trains, or None for this process.
        budget: file of what its data have spent of differential privacy; None for the one beside the user's own key.
    """

    archive: AbsolutePlace
    out: AbsolutePath
    labels_version: str | None = None
    weights: AbsolutePath | None = None
    workers: int = 1
    gpu: bool = False
    amp: bool | None = None
    data_key_path: AbsoluteKeyPlace | None = None
    execution: ExecutionSettings | None = None
    budget: AbsolutePath | None = None

    def check(self) -> None:
        """Raise OptionError for a value out of range."""
        if not 1 <= self.workers <= 1000:
            raise OptionError(f"`workers` {self.workers} must be 1 to 1000")
