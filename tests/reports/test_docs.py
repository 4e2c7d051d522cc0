from pathlib import Path

import pytest

from raypp.reports.episode_record import EpisodeRecord
from raypp.usage.coverage import Coverage, ThreeStates
from raypp.usage.report import (
    Durations,
    LaneReport,
    ShiftReport,
    SiteReport,
    Step,
    StreamOverlap,
    Transition,
    UseTotal,
    WornReport,
)

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "reports.md").read_text()
PARTS = {
    "report": SiteReport,
    "coverage": Coverage,
    "total": UseTotal,
    "lane": LaneReport,
    "states": ThreeStates,
    "durations": Durations,
    "worn": WornReport,
    "shift": ShiftReport,
    "step": Step,
    "transition": Transition,
    "overlap": StreamOverlap,
}


@pytest.mark.parametrize("part", PARTS)
def test_every_field_of_the_report_is_documented(part):
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| {part} | ")]
    assert [name for name in PARTS[part].model_fields if f"`{name}`" not in row] == []


def test_every_field_of_an_episode_is_documented():
    section = TEXT.split("## Episodes", 1)[1]
    assert [name for name in EpisodeRecord.model_fields if f"`{name}`" not in section] == []
