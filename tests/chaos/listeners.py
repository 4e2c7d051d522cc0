"""Receivers of a world's alerts, a web server and a broker: what they were told, against what the ledger holds."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from threading import Event as Signal
from threading import Thread
from typing import Any

import yaml
from sqlalchemy import text

from raypp.io.clock import now_us
from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.ledger.store import Ledger
from raypp.procedure.judging import judge_executions
from raypp.procedure.verdict import ExecutionOutcome
from tests.alerts.broker import Subscriber, running_broker, subscribed
from tests.alerts.receiver import Receiver, running

_ARRIVES_WITHIN_S = 900
RULES = (
    "episode_opened", "episode_ended", "violation_opened", "violation_ended", "execution_deviates"
)  # fmt: skip
_STATES = {
    "raypp.episode": "SELECT episode_id, state FROM episodes",
    "raypp.violation": "SELECT violation_id, state FROM violations",
}
_MARGIN_US = 3_000_000
"""A try, and the wait before it: what is raised so shortly before an outage ends may follow what was raised later."""
_SETTLES_US = 4_000_000
"""For so long behind an execution its camera must have been seen, for it to be final in every case."""
Event = tuple[str, str]
"""Type of an event, and id of what it is about."""


@dataclass(frozen=True)
class Outage:
    """A time in which the web server took nothing; its end also by the clock of `Received.at_s`."""

    from_us: int
    to_us: int
    over_at_s: float


@dataclass
class Listeners:
    """Receivers that run; there is a broker where mosquitto is installed."""

    receiver: Receiver
    subscriber: Subscriber | None
    broker: "Popen[bytes] | None"
    channels: dict[str, Any]
    longest_wait_s: float = 1
    outages: list[Outage] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def settings(self) -> dict[str, Any]:
        """Settings of a service that tells them."""
        return {"channels": self.channels, "every_s": 0.2, "longest_wait_s": self.longest_wait_s}

    def rules(self) -> str:
        """Alert rules of a site that has them told of everything, as YAML."""
        rules = [{"name": when, "when": when, "to": list(self.channels)} for when in RULES]
        return yaml.safe_dump({"alerts": rules})

    def down(self, seconds: float, given_up: Signal | None = None) -> Outage:
        """Let the web server answer with an error for a while, or until that is given up."""
        began_us, self.receiver.status = now_us(), 503
        (given_up or Signal()).wait(seconds)
        self.receiver.status = 200
        return Outage(began_us, now_us(), time.monotonic())

    @contextmanager
    def down_meanwhile(self, seconds: float) -> Iterator[None]:
        """Let the web server answer with an error from now on, for so long at least."""
        given_up = Signal()
        outage = Thread(target=lambda: self.outages.append(self.down(seconds, given_up)))
        outage.start()
        try:
            yield
        except BaseException:
            given_up.set()
            raise
        finally:
            outage.join()

    def forget(self) -> None:
        """Begin anew."""
        self.outages.clear()
        self.receiver.requests.clear()
        if self.subscriber is not None:
            self.subscriber.messages.clear()

    def faults(self, url: str) -> str:
        """Wait until all is sent; say what is missing, too much, under two ids, or out of order; count what came."""
        deadline = time.monotonic() + _ARRIVES_WITHIN_S
        with Ledger.open(url) as ledger:
            expected, possible = truth(ledger)
            while missing := self._missing(ledger, expected):
                if time.monotonic() > deadline:
                    return missing
                time.sleep(0.2)
            self.counted = Counter(kind for kind, _ in expected)
            lines = [self._out_of_order(ledger, outage) for outage in self.outages]
        for channel, events in self._events().items():
            ids_of: dict[Event, set[str]] = {}
            for event in events:
                ids_of.setdefault(_named(event), set()).add(event["id"])
            several = {what for what, ids in ids_of.items() if len(ids) > 1}
            for words, faulty in (
                ("never told of", expected - ids_of.keys()),
                ("told of what is not", ids_of.keys() - expected - possible),
                ("told under several ids", several),
            ):
                if faulty:
                    lines.append(f"{channel}: {len(faulty)} of {len(expected)} {words}, such as {min(faulty)}")
        return "\n".join(filter(None, lines))

    def _events(self) -> dict[str, list[dict[str, Any]]]:
        events = {"webhook": [request.event for request in list(self.receiver.requests) if request.taken]}
        if self.subscriber is not None:
            events["broker"] = [json.loads(message.payload) for message in list(self.subscriber.messages)]
        return events

    def _missing(self, ledger: Ledger, expected: set[Event]) -> str:
        """Say what has not come yet: executions are looked at every few seconds."""
        with ledger.database.read() as connection:
            if connection.execute(text("SELECT count(*) FROM outbox WHERE state <> 2")).scalar_one():
                return "alerts still wait, or are dead letters"
        for channel, events in self._events().items():
            if missing := expected - set(map(_named, events)):
                return f"{channel}: {len(missing)} of {len(expected)} never told of, such as {min(missing)}"
        return ""

    def _out_of_order(self, ledger: Ledger, outage: Outage) -> str:
        """Say which camera's alerts, that waited until an outage was over, did not come in order of event time."""
        query = text("SELECT alert_id FROM outbox WHERE channel = 'office' AND raised_us BETWEEN :from_us AND :to_us")
        with ledger.database.read() as connection:
            span = {"from_us": outage.from_us, "to_us": outage.to_us - _MARGIN_US}
            waited = set(connection.execute(query, span).scalars())
        times_of: dict[str, list[str]] = {}
        for request in list(self.receiver.requests):
            event = request.event
            if request.taken and request.at_s >= outage.over_at_s and event["id"] in waited:
                waited.remove(event["id"])
                times_of.setdefault(event["source"], []).append(event["time"])
        self.counted["waited for the receiver"] += sum(map(len, times_of.values()))
        return "\n".join(
            f"webhook: {source}: not in order of event time: {times}"
            for source, times in times_of.items()
            if times != sorted(times)
        )


def truth(ledger: Ledger) -> tuple[set[Event], set[Event]]:
    """Say what a ledger's receivers must have been told of, and what else they may have."""
    with ledger.database.read() as connection:
        rows = [(kind, *row) for kind, query in _STATES.items() for row in connection.execute(text(query))]
    expected = {(f"{kind}_opened", name) for kind, name, _ in rows}
    expected |= {(f"{kind}_ended", name) for kind, name, state in rows if state == 3}
    possible = set()
    for site in ledger.sites():
        settings, stretches = ledger.present_settings(site.name), ledger.stretches(site.name)
        until_us = {stream.stream.camera: stream.folded_us or 0 for stream in ledger.streams(site.name)}
        latest_us = max(until_us.values(), default=0)
        for judged in judge_executions(
            settings, site.name, ledger.episodes(site.name, limit=None), stretches, latest_us
        ):
            if judged.outcome is ExecutionOutcome.DEVIATING:
                (camera,) = judged.execution.place.cameras
                settled = judged.execution.to_us + _SETTLES_US < until_us[camera]
                (expected if settled else possible).add(("raypp.execution_deviates", judged.execution_id))
    return expected, possible


def _named(event: dict[str, Any]) -> Event:
    """Name what an event is about: its type, and the id of the episode, violation or execution."""
    kind = event["type"].removeprefix("raypp.").split("_")[0]
    return event["type"], event["data"][kind][f"{kind}_id"]


@contextmanager
def listening(place: Path, longest_wait_s: float = 1) -> Iterator[Listeners]:
    """Run the receivers, for a service that waits for so long at most between two tries."""
    key = place / "office.key"
    write_private(key, b"whsec_" + b"a" * 44)
    with ExitStack() as stack:
        receiver = stack.enter_context(running(Receiver()))
        office = {"kind": "webhook", "url": receiver.url, "key_files": [str(key)], "deadline_s": 2}
        listeners = Listeners(receiver, None, None, {"office": office}, longest_wait_s)
        if shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"):
            (port,) = free_ports(1)
            listeners.broker = stack.enter_context(running_broker(place, port, "allow_anonymous true"))
            listeners.subscriber = stack.enter_context(subscribed(port))
            listeners.channels["plant"] = {
                "kind": "mqtt",
                "host": "127.0.0.1",
                "port": port,
                "tls": False,
                "deadline_s": 2,
            }
        yield listeners
