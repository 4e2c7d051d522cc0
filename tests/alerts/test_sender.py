"""Senders that die, and several of them: at least once, with one id, never two at the same time."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raypp.ledger.channels import ChannelQueues
from raypp.ledger.letters import Letters
from raypp.ledger.store import Ledger
from tests.alerts.conftest import RunningSender
from tests.alerts.events import work
from tests.alerts.receiver import Received, Receiver
from tests.command import environment, raypp, succeed, summary
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import SECOND, Clock, template

Send = Callable[..., RunningSender]


@pytest.fixture
def settings(tmp_path: Path, webhook: Any) -> Path:
    """A service's settings file with the channel `office`."""
    path = tmp_path / "serve.yaml"
    path.write_text(json.dumps({"alerts": {"channels": {"office": webhook}, "every_s": 0.05, "longest_wait_s": 1}}))
    return path


def url_of(ledger: Ledger) -> str:
    return ledger.database.engine.url.render_as_string()


def start(ledgers: Ledger | str, settings: Path) -> "subprocess.Popen[bytes]":
    url = ledgers if isinstance(ledgers, str) else url_of(ledgers)
    command = [sys.executable, "-m", "raypp", "alerts", "send", "--settings", settings, "--ledger", url]
    return subprocess.Popen([str(part) for part in command], env=environment())


def test_a_sender_killed_before_it_marks_leaves_the_alert_to_the_next_with_the_same_id(
    ledger: Ledger, receiver: Receiver, settings: Path, webhook: Any, send: Send
):
    work(ledger)
    first = start(ledger, settings)

    def kill(request: Received) -> None:
        if len(receiver.requests) == 2:  # the first was answered and marked; of this one the sender never hears
            os.kill(first.pid, signal.SIGKILL)
            first.wait(10)

    receiver.before_answer = kill
    receiver.wait(2, within_s=120)
    first.wait(10)
    assert not ChannelQueues(ledger).hold("office", "another", SECOND)  # the dead one still holds it
    with ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE channels SET held_until_us = 0")  # time passes
    send({"office": webhook})
    receiver.wait(5)
    ids = [event["id"] for event in receiver.events()]
    assert len(ids) == 5
    assert ids[1] == ids[2]
    assert len(set(ids)) == 4
    assert receiver.requests[1].body == receiver.requests[2].body
    times = [event["time"] for event in receiver.events()]
    assert times == sorted(times)


def test_sigterm_ends_a_sender_and_frees_its_channels(ledger: Ledger, receiver: Receiver, settings: Path):
    work(ledger)
    sender = start(ledger, settings)
    receiver.wait(4, within_s=120)
    sender.send_signal(signal.SIGTERM)
    assert sender.wait(20) == 0
    assert ChannelQueues(ledger).hold("office", "another", SECOND)


def test_sigterm_ends_a_sender_whose_ledger_is_frozen(receiver: Receiver, settings: Path):
    with PostgresServer(fsync="off") as server, Ledger.open(server.database()) as ledger:
        ledger.add_site("plant-1")
        work(ledger)
        sender = start(ledger.database.engine.url.render_as_string(hide_password=False), settings)
        receiver.wait(4, within_s=240)
        with server.frozen():
            time.sleep(2)  # by now it waits for the ledger
            began = time.monotonic()
            sender.send_signal(signal.SIGTERM)
            try:
                assert sender.wait(60) == 0
            finally:
                sender.kill()
            assert time.monotonic() - began < 15  # two seconds, and the end of a process on a busy machine


def test_two_senders_send_each_alert_once(ledger: Ledger, receiver: Receiver, webhook: Any, send: Send):
    for _ in range(2):
        send({"office": webhook})
    cameras = [f"camera-{number}" for number in range(4)]
    work(ledger, *cameras)
    receiver.wait(16)
    time.sleep(0.5)
    ids = [event["id"] for event in receiver.events()]
    assert len(ids) == len(set(ids)) == 16


def test_a_channel_is_held_by_one_sender_until_its_time_is_over(ledger: Ledger):
    ledger.clock = clock = Clock()
    queues = ChannelQueues(ledger)
    assert not queues.hold("office", "one", 10 * SECOND)  # nobody has declared it
    queues.declare(["office"])
    assert queues.hold("office", "one", 10 * SECOND)
    assert not queues.hold("office", "two", 10 * SECOND)
    clock.now += 9 * SECOND
    assert queues.hold("office", "one", 10 * SECOND)  # renewed
    clock.now += 9 * SECOND
    assert not queues.hold("office", "two", 10 * SECOND)
    queues.declare(["office"])  # declaring again takes it from nobody
    assert not queues.hold("office", "two", 10 * SECOND)
    clock.now += SECOND
    assert queues.hold("office", "two", 10 * SECOND)
    queues.release("office", "one")  # no longer its own
    assert not queues.hold("office", "one", 10 * SECOND)
    queues.release("office", "two")
    assert queues.hold("office", "one", 10 * SECOND)


def test_backlogs_are_counted_by_channel(ledger: Ledger, receiver: Receiver, webhook: Any, send: Send):
    receiver.status = 500
    work(ledger)
    sender = send({"office": webhook})
    deadline = time.monotonic() + 20
    while not sender.notes.backlogs:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (backlog,) = sender.notes.backlogs
    assert (backlog.channel, backlog.waiting, backlog.dead) == ("office", 4, 0)
    assert backlog.oldest_us == Letters(ledger, "plant-1").latest()[0].raised_us


def test_the_commands_list_test_retry_and_drop(ledger: Ledger, receiver: Receiver, settings: Path, tmp_path: Path):
    url, out = url_of(ledger), tmp_path / "out.json"
    assert "has no alert rules" in raypp("alerts", "test", "plant-1", "--settings", settings, "--ledger", url).stderr
    work(ledger)
    done = succeed("alerts", "test", "plant-1", "--settings", settings, "--ledger", url, "--json", out)
    assert "office  sent in" in done.stdout
    assert "answered 200: thanks" in done.stdout
    (event,) = receiver.events()
    assert event["type"] == "raypp.test"
    assert summary(out)["alert_id"] == event["id"]

    receiver.status = 503
    done = raypp("alerts", "test", "plant-1", "--settings", settings, "--ledger", url, "--channel", "office")
    assert (done.returncode, "office  NOT SENT" in done.stdout, "answered 503" in done.stdout) == (3, True, True)
    done = raypp("alerts", "test", "plant-1", "--settings", settings, "--ledger", url, "--channel", "home")
    assert (done.returncode, done.stderr) == (
        1,
        "raypp: the service's settings have no channel 'home'; known: office\n",
    )

    receiver.status = 422
    done = succeed("alerts", "send", "--once", "--settings", settings, "--ledger", url)
    assert "0 alerts sent" in done.stderr
    assert "office refused: answered 422: thanks" in done.stdout
    listed = succeed("alerts", "list", "plant-1", "--ledger", url, "--state", "dead", "--json", out)
    assert listed.stdout.count("episode_opened (drill used)  office dead, failed 1 time: answered 422: thanks") == 2
    rows = summary(out)["alerts"]
    assert [row["state"] for row in rows] == ["dead"] * 4
    assert rows[0]["content"]["episode"]["tool"] == "drill"

    done = succeed("alerts", "retry", "plant-1", rows[0]["alert_id"], "--ledger", url)
    assert "1 dead letter wait" in done.stderr
    assert "3 dead letters dropped" in succeed("alerts", "drop", "plant-1", "--ledger", url).stderr
    receiver.status = 200
    assert "1 alert sent" in succeed("alerts", "send", "--once", "--settings", settings, "--ledger", url).stderr
    assert receiver.events()[-1]["id"] == rows[0]["alert_id"]
    assert "sent: answered 200" in succeed("alerts", "list", "plant-1", "--ledger", url).stdout
    log = succeed("audit-log", "--ledger", url).stdout
    assert "alerts retry  plant-1  1 dead letter" in log
    assert "alerts drop  plant-1  3 dead letters" in log
    assert "is not registered" in raypp("alerts", "list", "plant-9", "--ledger", url).stderr


def test_alerts_of_a_ledger_that_is_down_wait_and_the_other_s_are_sent(
    ledger: Ledger, receiver: Receiver, settings: Path, tmp_path: Path
):
    work(ledger)
    later, kept = tmp_path / "later.db", tmp_path / "kept.db"
    shutil.copy(template(), kept)
    with Ledger.open(f"sqlite:///{kept}") as another:
        work(another, "gate")
    both = json.dumps({"here": url_of(ledger), "later": f"sqlite:///{later}"})
    done = raypp("alerts", "send", "--once", "--settings", settings, "--ledger", both)
    assert (done.returncode, "4 alerts sent" in done.stderr) == (3, True), done.stderr
    assert "alerts of ledger later wait: there is no ledger" in done.stderr
    sender = start(both, settings)
    try:
        work(ledger, "hall")
        receiver.wait(8, within_s=120)
        kept.rename(later)
        receiver.wait(12, within_s=120)
    finally:
        sender.send_signal(signal.SIGTERM)
        assert sender.wait(30) == 0
    assert {event["data"]["camera"] for event in receiver.events()[8:]} == {"gate"}
