"""Figures of queries over ledgers are those that `raypp report` prints."""

from typing import Any

import pytest

from raypp.api import open_ledger
from raypp.errors import OptionError, UnknownSiteError
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.sql.engine import SqlEngine
from raypp.sql.ledger_views import LedgerRows
from raypp.sql.results import rows_of

_PERIOD = ("2026-03-02T13:50", "2026-03-02T14:10")


def _rows(query: str, url: str, *of: Any) -> list[Any]:
    with (
        Ledgers.open(LedgerList.parse(url), create=False) as ledgers,
        SqlEngine(LedgerRows(lambda: ledgers, *of).views()) as engine,
    ):
        return list(rows_of(engine.run(query)))


def test_tools_uses_transitions_and_coverage_are_those_of_the_report(plants: str) -> None:
    with open_ledger(plants) as ledger:
        report = ledger.report("plant-1", *_PERIOD).report
    of = (("plant-1",), *_PERIOD)
    tools = _rows(
        "select tool, episodes, used_s, not_used_s, not_observed_s, p50_s from tools order by tool", plants, *of
    )
    assert tools == [
        (
            *(total.name, total.episodes, total.states.used_s, total.states.not_used_s),
            *(total.states.not_observed_s, total.durations.p50_s),
        )
        for total in sorted(report.tools, key=lambda total: total.name)
    ]
    assert [tool[:3] for tool in tools] == [("hammer", 3, 210.0), ("saw", 2, 128.0)]
    uses = _rows("select episode_id, number, duration_s, clipped from uses order by number", plants, *of)
    assert uses == [(step.episode_id, step.number, step.duration_s, step.clipped) for step in report.sequence]
    assert len(uses) == 5
    pairs = _rows(
        'select before, after, "count", not_observed, mean_pause_s from transitions order by 1, 2', plants, *of
    )
    assert pairs == sorted(
        (pair.before, pair.after, pair.count, pair.not_observed, pair.mean_pause_s) for pair in report.transitions
    )
    (seen,) = _rows(
        "select observed_s, reasons_s from coverage where kind = 'camera' and shift = 'whole range'", plants, *of
    )
    assert seen[0] == report.coverage[0].observed_s
    assert dict(seen[1]) == report.coverage[0].reasons_s
    shifts = _rows("select distinct shift, day::varchar from coverage where day is not null order by 1", plants, *of)
    assert shifts == [("Early", "2026-03-02"), ("Late", "2026-03-02")]


def test_episodes_are_those_of_all_sites_as_they_stand(plants: str) -> None:
    with open_ledger(plants) as ledger:
        tables = [ledger.episodes(site, "2026-03-01", "2026-03-02").to_pylist() for site in ("other", "plant-1")]
    wanted = [(item["site"], item["episode_id"], item["duration_s"], item["state"]) for part in tables for item in part]
    assert len(wanted) == 8
    query = "select site, episode_id, duration_s, state from episodes order by site, start_us, episode_id"
    assert _rows(query, plants) == wanted
    assert len(_rows(query, plants, ("other",))) == 1
    assert len(_rows(query, plants, (), "2026-03-02")) == 7


def test_local_times_are_those_of_the_site(plants: str) -> None:
    query = "select start_time::varchar, start_local::varchar, day::varchar from uses where site = 'plant-1' limit 1"
    assert _rows(query, plants) == [("2026-03-02 12:51:00+00", "2026-03-02 13:51:00", "2026-03-02")]


def test_sites_without_anything_are_listed_and_have_no_rows(plants: str) -> None:
    assert _rows("select site, time_zone from sites order by site", plants) == [
        ("other", "UTC"),
        ("plant-1", "Europe/Berlin"),
        ("quiet", "UTC"),
    ]
    assert _rows("select * from uses union by name select * from episodes", plants, ("quiet",)) == []
    assert _rows("select * from violations", plants) == []


def test_a_site_or_a_time_that_is_none_is_said(plants: str) -> None:
    with pytest.raises(UnknownSiteError, match="known: other, plant-1, quiet"):
        _rows("select * from sites", plants, ("nowhere",))
    with pytest.raises(OptionError, match="`from_` 'soon' is no time"):
        _rows("select * from episodes", plants, (), "soon")


def test_a_ledger_is_opened_only_where_a_query_names_one_of_its_views() -> None:
    opened = []
    with SqlEngine(LedgerRows(lambda: opened.append(1) or Ledgers([])).views()) as engine:
        assert list(rows_of(engine.run("select 1"))) == [(1,)]
    assert opened == []
