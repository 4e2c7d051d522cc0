"""Receivers of a world's alerts, a web server and a broker: what they were told, against what the ledger holds."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import yaml
from sqlalchemy import create_engine, text

from raypp.io.ports import free_ports
from raypp.io.private import write_private
from tests.alerts.broker import Subscriber, running_broker, subscribed
from tests.alerts.receiver import Receiver, running

_ARRIVES_WITHIN_S = 90
_RULES = {"opened": "episode_opened", "ended": "episode_ended"}


@dataclass
class Listeners:
    """Receivers that run; there is a broker where mosquitto is installed."""

    receiver: Receiver
    subscriber: Subscriber | None
    broker: "Popen[bytes] | None"
    channels: dict[str, Any]

    def settings(self) -> dict[str, Any]:
        """Settings of a service that tells them."""
        return {"channels": self.channels, "every_s": 0.2, "longest_wait_s": 1}

    def rules(self) -> str:
        """Alert rules of a site that has them told of every episode, as YAML."""
        rules = [{"name": name, "when": when, "to": list(self.channels)} for name, when in _RULES.items()]
        return yaml.safe_dump({"alerts": rules})

    def forget(self) -> None:
        """Begin anew."""
        self.receiver.requests.clear()
        if self.subscriber is not None:
            self.subscriber.messages.clear()

    def faults(self, url: str) -> str:
        """Wait until nothing waits to be sent; say what is missing, too much, or under two ids."""
        engine = create_engine(url)
        deadline = time.monotonic() + _ARRIVES_WITHIN_S
        with engine.connect() as connection:
            while connection.execute(text("SELECT count(*) FROM outbox WHERE state <> 2")).scalar_one():
                connection.rollback()
                if time.monotonic() > deadline:
                    return "alerts still wait, or are dead letters"
                time.sleep(0.2)
            episodes = connection.execute(text("SELECT episode_id, state FROM episodes")).all()
        engine.dispose()
        expected = {("raypp.episode_opened", row.episode_id) for row in episodes}
        expected |= {("raypp.episode_ended", row.episode_id) for row in episodes if row.state == 3}
        by_channel = {"webhook": self.receiver.events()}
        if self.subscriber is not None:
            by_channel["broker"] = [json.loads(message.payload) for message in list(self.subscriber.messages)]
        lines = []
        for channel, events in by_channel.items():
            ids_of: dict[tuple[str, str], set[str]] = {}
            for event in events:
                ids_of.setdefault((event["type"], event["data"]["episode"]["episode_id"]), set()).add(event["id"])
            several = [what for what, ids in ids_of.items() if len(ids) > 1]
            for words, faulty in (
                ("never told of", expected - ids_of.keys()),
                ("told of what is not", ids_of.keys() - expected),
                ("told under several ids", several),
            ):
                if faulty:
                    lines.append(f"{channel}: {len(faulty)} of {len(expected)} {words}, such as {min(faulty)}")
        return "\n".join(lines)


@contextmanager
def listening(place: Path) -> Iterator[Listeners]:
    """Run the receivers."""
    key = place / "office.key"
    write_private(key, b"whsec_" + b"a" * 44)
    with ExitStack() as stack:
        receiver = stack.enter_context(running(Receiver()))
        office = {"kind": "webhook", "url": receiver.url, "key_files": [str(key)], "deadline_s": 2}
        listeners = Listeners(receiver, None, None, {"office": office})
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
