"""What an owner's data have spent of differential privacy, over all plans: a line of JSON for each noised round."""

import fcntl
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.collective.accountant import NoisedRounds, epsilon_of
from raypp.collective.noised_round import SpentError
from raypp.errors import ContentError
from raypp.io.content import read_content
from raypp.io.private import private_folder
from raypp.text.names import Name
from raypp.veil.keyfile import default_key_path

BUDGET_FILE = "privacy-budget.jsonl"
_MOST_BYTES = 100_000_000


class SpentRound(BaseModel):
    """A round that was noised."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mark: Name = Field(description="of the noise, so that it counts once")
    veil_id: Name
    plan: Name = Field(description="digest of the plan")
    name: Name = Field(description="of the plan")
    unit: Name
    noise: float = Field(gt=0)
    sample: float = Field(gt=0, le=1)
    at: Name = Field(description="ISO 8601, in UTC")


@dataclass(frozen=True)
class PrivacyBudget:
    """The file of what was spent.

    Attributes:
        path: where it is; it need not be there.
    """

    path: Path

    @classmethod
    def at(cls, path: Path | None) -> "PrivacyBudget":
        """Return the budget of a file; by default of the one beside the user's own key."""
        return cls(path or default_key_path().with_name(BUDGET_FILE))

    def add(self, spent: SpentRound) -> None:
        """Note a round, to the disk, unless it is noted; raises SpentError if the file cannot be written."""
        if not self.path.parent.exists():
            private_folder(self.path.parent)
        try:
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if any(other.mark == spent.mark for other in self._read()):
                    return
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)  # a line that a crash has cut
                file.write(spent.model_dump_json().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SpentError(f"budget {self.path}: {error.strerror}; give another `budget`") from None

    def earlier(self, veil_id: str, plan: str) -> tuple[SpentRound, ...]:
        """Return rounds of other plans over data of a veil; raises SpentError if the file is damaged."""
        return tuple(spent for spent in self._read() if spent.veil_id == veil_id and spent.plan != plan)

    def spent(self, veil_id: str, plan: str) -> tuple[SpentRound, ...]:
        """Return rounds of a plan over data of a veil; raises SpentError if the file is damaged."""
        return tuple(spent for spent in self._read() if (spent.veil_id, spent.plan) == (veil_id, plan))

    def _read(self) -> Sequence[SpentRound]:
        if not self.path.exists():
            return ()
        try:
            lines = read_content(self.path, _MOST_BYTES).splitlines(keepends=True)
        except ContentError as error:
            raise SpentError(f"budget {self.path} {error}; restore it") from None
        spent = []
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                break  # a crash has cut it; its round is noted again before anything of it is sent
            try:
                spent.append(SpentRound.model_validate_json(line))
            except ValidationError:
                raise SpentError(f"budget {self.path}: line {number} is damaged; restore the file") from None
        return spent


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_earlier(earlier: Sequence[SpentRound], planned: NoisedRounds, delta: float) -> tuple[str, ...]:
    """Say what earlier plans have spent over the same data, and what it comes to with this one; nothing for none.

    Args:
        earlier: rounds of other plans.
        planned: all rounds of this one.
        delta: at which.
    """
    if not earlier:
        return ()
    plans = Counter((spent.plan, spent.name, spent.noise, spent.sample) for spent in earlier)
    history = [NoisedRounds(noise, sample, rounds) for (_, _, noise, sample), rounds in plans.items()]
    each = ", ".join(
        f"{name} has spent epsilon {epsilon_of([rounds], delta):.3g} in {rounds.rounds} rounds"
        for (_, name, _, _), rounds in zip(plans, history, strict=True)
    )
    whole = epsilon_of([*history, planned], delta)
    return (f"data of this veil were used before: {each}; with this plan it is {whole:.3g} at delta {delta:g}",)
