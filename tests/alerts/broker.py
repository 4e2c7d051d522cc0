"""A real broker, mosquitto of the system's packages, and a subscriber of the test's own."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

_STARTS_WITHIN_S = 20


@dataclass
class Subscriber:
    """Messages that came, in order."""

    messages: list[MQTTMessage] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def wait(self, count: int, within_s: float = 30.0) -> list[MQTTMessage]:
        deadline = time.monotonic() + within_s
        while len(self.messages) < count:
            assert time.monotonic() < deadline, f"{len(self.messages)} of {count} came"
            time.sleep(0.02)
        return list(self.messages)


@contextmanager
def running_broker(folder: Path, port: int, *lines: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a broker with some lines of configuration, on loopback."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed; install it with: apt-get install mosquitto")
    config = folder / f"mosquitto-{port}.conf"
    config.write_text("\n".join([f"listener {port} 127.0.0.1", *lines]) + "\n")
    with (folder / "mosquitto.log").open("ab") as log:
        broker = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    try:
        yield broker
    finally:
        broker.kill()
        broker.wait()


@contextmanager
def subscribed(port: int, topic: str = "raypp/#", **account: str) -> Iterator[Subscriber]:
    """Subscribe to a topic at a broker, once it is there."""
    subscriber = Subscriber()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    if account:
        client.username_pw_set(account["user"], account["password"])
    client.on_message = lambda _client, _user, message: subscriber.messages.append(message)
    client.on_subscribe = lambda *_: subscriber.ready.set()
    _connect(client, port)
    client.subscribe(topic, qos=1)
    client.loop_start()
    assert subscriber.ready.wait(_STARTS_WITHIN_S)
    try:
        yield subscriber
    finally:
        client.disconnect()
        client.loop_stop()


def _connect(client: Any, port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            client.connect("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < deadline, "the broker does not start"
            time.sleep(0.05)
        else:
            return
