"""Files that are written as streams: byte for byte what the whole would be."""

import random

import pyarrow as pa
import pytest

from raypp.reports.episode_record import as_csv, episode_record, episodes_csv
from raypp.reports.files import episodes_table
from raypp.reports.report_json import json_parts
from raypp.reports.wording import clock
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch
from raypp.usage.episodes import Episodes
from raypp.usage.observation import Observation
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local
from raypp.usage.timeline import make_usage_report, sum_up
from tests.reports.plants import BERLIN, moment

START_US = moment(2026, 10, 24, 22, 0)  # clocks go back that night
SECOND_US = 1_000_000
NAMES = ("saw", '=cmd("x"), 2', "Säge\n\u2028'", "\U0001f528")
SETTINGS = SiteSettings.parse("time_zone: Europe/Berlin", "settings")


def uses(number: int) -> list[Episode]:
    chance = random.Random(number)
    episodes = []
    for index in range(number):
        start = START_US + chance.randrange(40_000) * SECOND_US + chance.choice((0, 1, 250_000, 999_999))
        length = chance.choice((1, 7, 100, 123_457, SECOND_US, 90 * SECOND_US, 3600 * SECOND_US))
        stream = StreamName("plant-1", chance.choice(NAMES), 1)
        state = chance.choice(list(EpisodeState))
        reason = None if state is EpisodeState.OPEN else chance.choice(list(CloseReason))
        seen = chance.randrange(length + 1)
        names = (chance.choice(NAMES), chance.choice(("", *NAMES)))
        episodes.append(Episode(f"{index:032x}", stream, *names, start, start + length, seen, state, reason))
    return episodes


@pytest.fixture(params=[0, 1, 700])
def episodes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Episode]:
    for module in ("usage.episodes", "reports.report_json", "reports.episode_record"):
        monkeypatch.setattr(f"raypp.{module}._AT_A_TIME", 64)  # several parts
    return uses(request.param)


def test_columns_are_a_sequence_of_their_episodes(episodes: list[Episode]):
    columns = Episodes.of(episodes)
    assert columns == episodes
    assert (len(columns), list(columns[3:9:2]), list(columns[::-1])) == (
        len(episodes),
        episodes[3:9:2],
        episodes[::-1],
    )
    assert columns.by_start() == sorted(episodes, key=lambda use: (use.start_us, use.end_us, use.episode_id))
    assert columns.having(tools=NAMES[:1]) == [use for use in episodes if use.tool == NAMES[0]]
    assert columns.tools == {use.tool for use in episodes}
    if episodes:
        assert (columns[0], columns[-1]) == (episodes[0], episodes[-1])
    with pytest.raises(IndexError):
        columns[len(episodes)]


def test_json_is_that_of_the_whole_report(episodes: list[Episode]):
    stretches = [Stretch(StreamName("plant-1", NAMES[0], 1), START_US, START_US + 90_000 * SECOND_US, Observation(1))]
    about = (SETTINGS, "plant-1", START_US + 600 * SECOND_US, START_US + 39_000 * SECOND_US, episodes, stretches)
    whole = make_usage_report(*about)
    assert len(whole.sequence) >= 0.9 * len(episodes)
    assert "".join(json_parts(sum_up(*about))) == whole.model_dump_json(indent=1) + "\n"


def test_csv_is_that_of_each_record(episodes: list[Episode]):
    names = episodes_csv([], BERLIN).removesuffix("\r\n").split(",")
    expected = []
    for use in episodes:
        record = episode_record(use, BERLIN).model_dump()
        fields = {"start_iso": record.pop("start"), "end_iso": record.pop("end"), **record}
        people = {
            "day": f"{local(use.start_us, BERLIN):%Y-%m-%d}",
            "start": clock(use.start_us, BERLIN),
            "end": clock(use.end_us, BERLIN),
            "seconds": round(record["duration_s"], 1),
            "certain": "yes" if use.state is EpisodeState.FINAL else "no",
        }
        expected.append([(people | fields)[name] for name in names])
    assert episodes_csv(episodes, BERLIN) == as_csv(names, expected)


def test_the_table_has_the_fields_of_each_record(episodes: list[Episode]):
    rows = [episode_record(use, BERLIN).model_dump() for use in episodes]
    for row in rows:
        row |= {"start": row["start_us"], "end": row["end_us"]}
    table = episodes_table(Episodes.of(episodes), BERLIN)
    assert table.equals(pa.Table.from_pylist(rows, schema=table.schema))
    assert (table.schema.field("start").type, table.num_columns) == (pa.timestamp("us", tz=BERLIN.key), 14)
