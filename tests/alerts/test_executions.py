"""Alerts of executions: none lost and none twice, whoever is killed whenever; and what a receiver gets."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from raypp.alerts.executions import ExecutionWatch
from raypp.errors import SettingsError
from raypp.io.clock import now_us
from raypp.ledger import judged as judged_rows
from raypp.ledger.letters import Letters
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.ledger.tables import JudgedRow, OutboxRow
from raypp.reports.executions import read_executions
from raypp.usage.episode import StreamName
from raypp.usage.observation import Observation, SeenFrame
from tests.alerts.conftest import RunningSender
from tests.alerts.receiver import Receiver
from tests.command import environment
from tests.ledger.site import DRILL, SAW, SECOND, STREAM, T0, Clock, Connection, at, seen, template

RULES = """
max_lateness_s: 0
tools:
  - {class: drill, min_on_s: 1, max_gap_s: 1}
  - {class: saw, min_on_s: 1, max_gap_s: 1}
procedures:
  - name: shelf
    execution: {gap_s: 20}
    steps: [{name: cut, tools: [saw]}, {name: bore, tools: [drill], min_s: 3}]
alerts:
  - {name: step left out, when: execution_deviates, deviations: [missing], to: [office, plant]}
  - {name: bored too briefly, when: execution_deviates, deviations: [too_short], cameras: [bench], to: [office]}
"""


def shift(number: int, executions: str) -> list[SeenFrame]:
    """A minute for each execution: x is as it should be; c cut only; b bored only; s bored too briefly; n blind."""
    frames = []
    for minute, how in enumerate(executions):
        for half in range(120):
            detections = [SAW] * (how in "xcsn" and 10 <= half < 20)
            detections += [DRILL] * (24 <= half < {"x": 40, "b": 40, "s": 28}.get(how, 0))
            frame = seen(number + minute * 120 + half, *detections)
            frames.append(replace(frame, observation=Observation.COVERED) if how == "n" and 22 <= half < 42 else frame)
    return frames


def alerts_of(ledger: Ledger) -> list[str]:
    """Minute, rule and channel of each alert, by its time."""
    rows = Letters(ledger, "plant-1").latest(limit=1000)
    shown = [(row.moment_us, row.rule, row.channel) for row in rows if row.kind == "execution_deviates"]
    return [f"{(moment - T0) // (60 * SECOND)} {rule} {channel}" for moment, rule, channel in sorted(shown)]


BOTH = ["1 step left out office", "1 step left out plant", "3 bored too briefly office"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A SQLite ledger with a site; its clock stands a little after what the tests stream."""
    shutil.copy(template(), tmp_path / "ledger.db")
    clock = Clock()
    clock.now = T0 + 600 * SECOND
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as opened:
        yield opened


def test_each_execution_with_a_deviation_is_told_once_when_it_is_final(ledger: Ledger) -> None:
    ledger.configure("plant-1", RULES)
    connection, watch = Connection(ledger), ExecutionWatch(ledger)
    for sequence, minute in enumerate("xcns"):  # the third may have been bored while the camera was covered
        connection.send(sequence + 1, shift(sequence * 120, minute))
        watch.look()
        ExecutionWatch(ledger).look()
    assert alerts_of(ledger) == BOTH
    first = Letters(ledger, "plant-1").latest()[0]
    execution = json.loads(first.content)["execution"]
    reported = {row.execution_id: row for row in read_executions(ledger, "plant-1").report().executions}
    row = reported[execution["execution_id"]]
    assert (execution["start_us"], execution["end_us"], execution["cameras"]) == (row.start_us, row.end_us, ["bench"])
    assert execution["fitness"] == row.fitness
    assert execution["deviations"] == [
        {"deviation": "missing", "step": "bore", "time": 1, "tool": None, "start_us": None, "end_us": None}
    ]
    assert (first.camera, first.moment_us) == ("bench", row.end_us)


def test_a_look_that_is_killed_before_its_end_leaves_all_to_the_next(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.configure("plant-1", RULES)
    Connection(ledger).send(1, shift(0, "xcns"))

    def die(*_: object) -> int:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("raypp.ledger.judged.put", die)  # behind the alerts, before the mark
        with pytest.raises(ZeroDivisionError):
            ExecutionWatch(ledger).look()
    assert alerts_of(ledger) == []
    ExecutionWatch(ledger).look()
    ids = [row.alert_id for row in Letters(ledger, "plant-1").latest()]
    assert alerts_of(ledger) == BOTH
    with ledger.database.write() as transaction:  # as if neither alerts nor mark had been written
        transaction.execute(OutboxRow.__table__.delete())  # type: ignore[attr-defined]
        transaction.execute(JudgedRow.__table__.delete().where(JudgedRow.place != ""))  # type: ignore[attr-defined]
    ExecutionWatch(ledger).look()
    assert [row.alert_id for row in Letters(ledger, "plant-1").latest()] == ids


def test_of_two_that_look_at_once_one_writes(ledger: Ledger) -> None:
    ledger.configure("plant-1", RULES)
    Connection(ledger).send(1, shift(0, "xc"))
    before = judged_rows.read_judged(ledger.database, "plant-1")
    ExecutionWatch(ledger).look()
    moved = {("shelf", "bench/"): T0}
    assert not judged_rows.move_judged(ledger.database, "plant-1", (before, moved), (), (), ledger.clock())
    assert judged_rows.read_judged(ledger.database, "plant-1")[("shelf", "bench/")] > T0


def test_what_began_before_the_rule_came_is_not_told(ledger: Ledger) -> None:
    connection = Connection(ledger)
    connection.send(1, shift(0, "c"))
    ledger.configure("plant-1", RULES)
    Connection(ledger).send(2, shift(120, "cx"))
    ExecutionWatch(ledger).look()
    assert alerts_of(ledger) == ["1 step left out office", "1 step left out plant"]
    ledger.configure("plant-1", RULES.split("alerts:", maxsplit=1)[0])
    with ledger.database.read() as transaction:
        assert transaction.execute(select(JudgedRow)).all() == []


def test_folding_anew_and_forgetting_raise_none(ledger: Ledger) -> None:
    ledger.configure("plant-1", RULES)
    Connection(ledger).send(1, shift(0, "xcns"))
    watch = ExecutionWatch(ledger)
    watch.look()
    reaggregate(ledger, "plant-1")
    watch.look()
    assert alerts_of(ledger) == BOTH
    other = StreamName("plant-1", "gate", T0)
    Connection(ledger, other).send(1, shift(0, "xxxxb"))
    watch.look()
    later = ["4 step left out office", "4 step left out plant"]
    assert alerts_of(ledger) == [*BOTH, *later]
    forget(ledger, "plant-1", camera="bench", from_us=at(60), to_us=at(180))
    watch.look()
    assert alerts_of(ledger) == ["3 bored too briefly office", *later]


def test_a_camera_that_fell_silent_is_waited_for_and_then_what_it_saw_is_told(ledger: Ledger) -> None:
    ledger.configure("plant-1", RULES.replace("[missing]", "[missing], wait_s: 900"))
    connection, watch = Connection(ledger), ExecutionWatch(ledger)
    connection.send(1, [*shift(0, "s"), *shift(120, "s")[:50]])  # cut in the second one
    ledger.clock.now += 900 * SECOND  # type: ignore[attr-defined]
    ledger.reap(ledger.clock())
    watch.look()
    assert alerts_of(ledger) == ["0 bored too briefly office"]
    ledger.clock.now += 3600 * SECOND  # type: ignore[attr-defined]
    watch.look()
    assert alerts_of(ledger) == ["0 bored too briefly office"]  # a use that is under way may be long enough


def test_rules_of_executions_are_checked(ledger: Ledger) -> None:
    for change, words in (
        (("deviations: [missing]", "procedures: [shelv]"), "there is no procedure shelv; did you mean shelf?"),
        (("deviations: [missing]", "longer_than_s: 4"), "`longer_than_s` does not go with when execution_deviates"),
        (("deviations: [missing]", "zones: [a]"), "`zones` belongs to violations"),
        (("execution_deviates, deviations: [missing]", "episode_opened, wait_s: 0"), "`wait_s` belongs to executions"),
        (("deviations: [missing]", "deviations: [lacking]"), "missing"),
    ):
        with pytest.raises(SettingsError, match=words.replace("?", "\\?")):
            ledger.configure("plant-1", RULES.replace(*change))
    head, rest = RULES.split("procedures:")
    with pytest.raises(SettingsError, match="alert step left out: the site has no `procedures`"):
        ledger.configure("plant-1", head + "alerts:" + rest.split("alerts:")[1])


@pytest.mark.slow
def test_a_sender_that_is_killed_while_it_sends_loses_none_and_each_keeps_its_id(
    ledger: Ledger, receiver: Receiver, webhook: Any, tmp_path: Path, send: Callable[..., RunningSender]
) -> None:
    ledger.clock = now_us
    ledger.configure("plant-1", RULES.replace(", plant]", "]"))
    Connection(ledger).send(1, shift(0, "xccs"))
    ledger.database.engine.dispose()
    settings = tmp_path / "serve.yaml"
    settings.write_text(json.dumps({"alerts": {"channels": {"office": webhook}, "every_s": 0.05}}))
    url = ledger.database.engine.url.render_as_string()
    command = [sys.executable, "-m", "raypp", "alerts", "send", "--settings", settings, "--ledger", url]
    first = subprocess.Popen([str(part) for part in command], env=environment())

    def kill(_: object) -> None:
        if len(receiver.requests) == 2:  # it never hears that this one arrived
            os.kill(first.pid, signal.SIGKILL)
            first.wait(10)

    receiver.before_answer = kill
    receiver.wait(2, within_s=120)
    first.wait(10)
    with ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE channels SET held_until_us = 0")  # time passes
    send({"office": webhook})
    receiver.wait(4)
    ids = [event["id"] for event in receiver.events()]
    assert len(set(ids)) == 3
    assert ids[1] == ids[2]
    times = [event["time"] for event in receiver.events()]
    assert times == sorted(times)
    assert [event["type"] for event in receiver.events()] == ["raypp.execution_deviates"] * 4
    assert receiver.events()[0]["source"] == f"raypp/plant-1/{STREAM.camera}"
