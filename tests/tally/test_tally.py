"""Tallies of real processes over TLS: as plain arithmetic has it, and nothing where a party is away or another one."""

import json
import random
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raypp.errors import TallyError
from raypp.tally.certificate import make_certificate
from raypp.tally.result import TallyResult
from raypp.tally.run import prepared
from tests.command import environment
from tests.tally.parties import Parties, run_side_by_side

_ALL = ["sum", "mean", "median", "quartiles", "rank"]
_HOURS = {"name": "hours", "most": 1000, "decimals": 2, "open": _ALL}
_CELLS = [f"tool-{number}" for number in range(40)]
_USES = {"name": "uses", "most": 1000, "cells": _CELLS, "least_total": 30}


def _check_against_plain(results: list[object], hours: list[float | None], uses: list[dict[str, int]]) -> None:
    known = [value for value in hours if value is not None]
    totals = {cell: sum(own[cell] for own in uses) for cell in _CELLS}
    for place, result in enumerate(results):
        assert isinstance(result, TallyResult), result
        figure, cells = result.figures
        assert figure.parties == len(known)
        assert figure.sum == pytest.approx(sum(known))
        assert figure.mean == pytest.approx(statistics.mean(known))
        assert figure.median == pytest.approx(statistics.median(known))
        assert figure.quartiles == pytest.approx(tuple(statistics.quantiles(known, n=4, method="inclusive")))
        own = hours[place]
        assert figure.rank == (None if own is None else 1 + sum(value > own for value in known))
        assert cells.cells == {cell: total if total >= 30 else None for cell, total in totals.items()}


def test_three_parties_get_what_plain_arithmetic_gives(tmp_path: Path):
    parties, chance = Parties(tmp_path, 3, [_HOURS, _USES]), random.Random(0)
    hours = [12.25, 3.5, 99.99]
    uses = [{cell: chance.randrange(20) for cell in _CELLS} for _ in hours]
    settings = [parties.settings(place, {"hours": hours[place], "uses": uses[place]}) for place in range(3)]
    results = run_side_by_side(settings)
    _check_against_plain(results, list(hours), uses)
    assert any(total is None for total in results[0].figures[1].cells.values())
    assert any(total is not None for total in results[0].figures[1].cells.values())


@pytest.mark.slow
def test_who_has_another_plan_ends_it_for_all(tmp_path: Path):
    parties = Parties(tmp_path, 3, [_HOURS])
    parties.write_plan("other.yaml", figures=[{**_HOURS, "most": 2000}])
    settings = [
        parties.settings(place, {"hours": 1}, "other.yaml" if place == 2 else "tally.yaml", wait_s=10)
        for place in range(3)
    ]
    results = run_side_by_side(settings)
    assert all(isinstance(result, TallyError) for result in results), results
    assert any("holds another plan" in str(result) for result in results)
    assert all("has opened nothing" in str(result) for result in results)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_seven_parties_of_which_some_have_no_figure(tmp_path: Path, seed: int):
    parties, chance = Parties(tmp_path, 7, [_HOURS, _USES]), random.Random(seed)
    hours = [round(chance.uniform(0, 50), 2) for _ in range(7)]
    hours[1] = hours[2]  # equal ones share a rank
    known: list[float | None] = list(hours)
    for place in (0, 4)[:seed]:
        known[place] = None
    uses = [{cell: chance.randrange(12) for cell in _CELLS} for _ in hours]
    settings = [parties.settings(place, {"hours": known[place], "uses": uses[place]}) for place in range(7)]
    _check_against_plain(run_side_by_side(settings), known, uses)


@pytest.mark.slow
def test_a_figure_of_too_few_parties_stays_closed(tmp_path: Path):
    parties = Parties(tmp_path, 3, [_HOURS])
    settings = [parties.settings(place, {"hours": None if place == 1 else 5}) for place in range(3)]
    for result in run_side_by_side(settings):
        assert isinstance(result, TallyResult), result
        assert result.figures[0].closed == "fewer than 3 parties have it"
        assert result.figures[0].sum is result.figures[0].rank is result.figures[0].parties is None


@pytest.mark.slow
def test_whoever_has_another_certificate_is_no_party(tmp_path: Path):
    parties = Parties(tmp_path, 3, [_HOURS])
    (tmp_path / "thief").mkdir()
    make_certificate("plant-3", tmp_path / "thief/plant-3.key", tmp_path / "thief/plant-3.crt")
    stolen = parties.plan["parties"]["plant-3"] | {"certificate": "thief/plant-3.crt"}
    parties.write_plan("thief.yaml", parties={**parties.plan["parties"], "plant-3": stolen})
    thief = parties.settings(2, {"hours": 1}, "thief.yaml", key=tmp_path / "thief/plant-3.key", wait_s=15)
    others = [parties.settings(place, {"hours": 1}, wait_s=15) for place in range(2)]
    results = run_side_by_side([*others, thief])
    assert all(isinstance(result, TallyError) for result in results), results


_RECORDER = """
import sys
from pathlib import Path
from raypp.tally.party import QUIET
sys.argv = ["", *QUIET]
import mpyc.asyncoro
from raypp.tally import party
send = mpyc.asyncoro.MessageExchanger.send
def recorded(self, label, payload):
    with Path({path!r}).open("ab") as file:
        file.write(bytes(payload) + b"|")
    send(self, label, payload)
mpyc.asyncoro.MessageExchanger.send = recorded
party.main()
"""


@pytest.mark.slow
def test_no_party_sends_a_figure(tmp_path: Path):
    value = 0x5A5A5A5A5A  # easily found, if it were there
    figures = [{"name": "odd", "most": 1e12, "open": _ALL}]
    parties = Parties(tmp_path, 3, figures)
    tasks = [prepared(parties.settings(place, {"odd": value + place})) for place in range(3)]
    sent = [tmp_path / f"sent-{place}" for place in range(3)]

    def run(place: int) -> subprocess.CompletedProcess[bytes]:
        code = ["-c", _RECORDER.format(path=str(sent[place]))]
        given = tasks[place].model_dump_json().encode()
        return subprocess.run([sys.executable, *code], input=given, capture_output=True, env=environment(), check=False)

    with ThreadPoolExecutor(3) as threads:
        answers = [json.loads(done.stdout) for done in threads.map(run, range(3))]
    assert [answer["result"]["figures"][0]["rank"] for answer in answers] == [3, 2, 1]
    for place, path in enumerate(sent):
        content = path.read_bytes()
        assert len(content) > 1000
        for order in ("little", "big"):
            assert (value + place).to_bytes(5, order) not in content
        assert str(value + place).encode() not in content


@pytest.mark.slow
def test_where_a_party_is_killed_the_others_open_nothing(tmp_path: Path):
    slow = {"name": "many", "most": 1000, "cells": [f"c{number}" for number in range(8000)], "least_total": 5}
    parties = Parties(tmp_path, 3, [slow])
    processes = []
    for place in range(3):
        task = prepared(parties.settings(place, {"many": {}}))
        process = subprocess.Popen(
            [sys.executable, "-m", "raypp.tally.party"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        process.stdin.write(task.model_dump_json().encode())
        process.stdin.close()
        process.stdin = None
        processes.append(process)
    time.sleep(6)
    assert all(process.poll() is None for process in processes), "they still compute"
    processes[1].send_signal(signal.SIGKILL)
    for place in (0, 2):
        out, _ = processes[place].communicate(timeout=60)
        assert json.loads(out) == {"error": "plant-2 went away before the end"}
    processes[1].communicate()
