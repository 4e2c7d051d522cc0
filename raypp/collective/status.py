"""Where a training is, from the folder of its coordinator or of a site."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from raypp.collective.round_log import RoundEvent, read_round_log
from raypp.collective.site_record import RECORD_FILE, read_training_record
from raypp.collective.spending import statement
from raypp.collective.store import STATE_FILE, read_coordinator
from raypp.detect.privacy import PrivacyStatement
from raypp.errors import CollectiveError


class TrainingStatus(BaseModel):
    """Where a training is."""

    model_config = ConfigDict(frozen=True)

    name: str
    plan: str = Field(description="digest of the plan")
    site: str | None = Field(description="None for the coordinator")
    rounds: int
    opened: int = Field(description="rounds whose sum was opened; of a site: that it was in")
    finished: bool
    events: tuple[RoundEvent, ...]
    privacy: PrivacyStatement | None = Field(None, description="what was spent so far, of a plan with `dp`")


def read_status(folder: Path) -> TrainingStatus:
    """Read where a training is; raises CollectiveError if the folder holds none."""
    if (folder / STATE_FILE).exists():
        state = read_coordinator(folder)
        return TrainingStatus(
            name=state.plan.name,
            plan=state.plan.digest,
            site=None,
            rounds=state.plan.rounds,
            opened=state.round - 1,
            finished=state.finished,
            events=read_round_log(folder),
            privacy=None if state.plan.dp is None else statement(state.plan.dp, state.round - 1),
        )
    if not (folder / RECORD_FILE).exists():
        raise CollectiveError(
            f"{folder} holds no training; give the folder of `raypp collective open` or `raypp collective join`"
        )
    record = read_training_record(folder)
    return TrainingStatus(
        name=record.name,
        plan=record.plan,
        site=record.site,
        rounds=record.rounds,
        opened=len(record.opened),
        finished=record.model is not None,
        events=read_round_log(folder),
        privacy=None if record.dp is None else statement(record.dp, record.noised),
    )
