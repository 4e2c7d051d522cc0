"""MQTT, against a real broker."""

import gc
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.ledger.delivery import DeliveryState
from raypp.ledger.letters import Letters
from raypp.ledger.store import Ledger
from tests.alerts.broker import running_broker, subscribed
from tests.alerts.conftest import RunningSender
from tests.alerts.events import work
from tests.ledger.site import T0
from tests.serving.front import Authority

Send = Callable[..., RunningSender]
RULES = """
alerts:
  - {name: drill used, when: episode_opened, tools: [drill], to: [plant]}
  - {name: put down, when: episode_ended, tools: [drill], to: [plant]}
"""


def channel(port: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "mqtt", "host": "127.0.0.1", "port": port, "tls": False, "deadline_s": 2} | fields


def tried(sender: RunningSender, count: int) -> set[str]:
    """Words on the first tries."""
    deadline = time.monotonic() + 20
    while len(sender.notes.answers) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return {answer.words for _, answer in sender.notes.answers[:count]}


def test_a_subscriber_gets_cloudevents_in_order(ledger: Ledger, send: Send, tmp_path: Path):
    port = free_ports(1)[0]
    with running_broker(tmp_path, port, "allow_anonymous true"), subscribed(port) as subscriber:
        work(ledger, rules=RULES)
        send({"plant": channel(port)})
        messages = subscriber.wait(4)
    kinds = ["episode_opened", "episode_ended"] * 2
    assert [message.topic for message in messages] == [f"raypp/plant-1/bench/{kind}" for kind in kinds]
    assert {message.qos for message in messages} == {1}
    assert {message.properties.ContentType for message in messages} == {"application/cloudevents+json"}
    events = [json.loads(message.payload) for message in messages]
    assert [event["type"] for event in events] == [f"raypp.{kind}" for kind in kinds]
    assert events[0]["data"]["episode"]["start_us"] == T0
    assert Letters(ledger, "plant-1").latest()[0].answer == "acknowledged"


def test_what_waits_for_a_broker_that_is_down_comes_in_order_and_each_once(ledger: Ledger, send: Send, tmp_path: Path):
    port = free_ports(1)[0]
    cameras = ("bench", "gate")
    work(ledger, *cameras, rules=RULES)
    sender = send({"plant": channel(port)})
    assert tried(sender, 2) == {f"127.0.0.1:{port}: Connection refused"}
    # A persistent session: the subscriber's messages are kept while it is away.
    with running_broker(tmp_path, port, "allow_anonymous true"), subscribed(port) as subscriber:
        messages = subscriber.wait(8)
        time.sleep(0.5)
        messages = list(subscriber.messages)
    assert len(messages) == 8
    for camera in cameras:
        times = [json.loads(message.payload)["time"] for message in messages if f"/{camera}/" in message.topic]
        assert times == sorted(times)
        assert len(times) == 4


def test_a_broker_that_hangs_and_goes_on_has_everything_with_one_id(ledger: Ledger, send: Send, tmp_path: Path):
    port = free_ports(1)[0]
    with running_broker(tmp_path, port, "allow_anonymous true") as broker, subscribed(port) as subscriber:
        work(ledger, rules=RULES)
        sender = send({"plant": channel(port, deadline_s=0.5)})
        subscriber.wait(4)
        broker.send_signal(19)  # SIGSTOP
        work(ledger, "gate", rules=RULES)
        while not any(answer.outcome.value == "unreached" for _, answer in sender.notes.answers):
            time.sleep(0.05)
        broker.send_signal(18)  # SIGCONT
        deadline = time.monotonic() + 30
        while Letters(ledger, "plant-1").latest(DeliveryState.WAITING):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        ids = [json.loads(message.payload)["id"] for message in subscriber.wait(8)]
    assert len(set(ids)) == 8


@pytest.mark.filterwarnings("ignore:.*unclosed <", "ignore:Exception ignored in. <s")
def test_accounts_certificates_and_rights_are_checked(ledger: Ledger, send: Send, tmp_path: Path):
    authority = Authority.make("of the test")
    certificate, key = authority.issue("localhost", server=True)
    for name, content in (("server.crt", certificate), ("server.key", key), ("ca.pem", authority.pem)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o755)
    write_private(tmp_path / "password", b"s3cret\n")
    write_private(tmp_path / "wrong", b"guess\n")
    passwords, rights = tmp_path / "passwords", tmp_path / "rights"
    passwords.write_text("raypp:s3cret\n")
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    rights.write_text("user raypp\ntopic write raypp/#\n")
    for path in (passwords, rights):
        path.chmod(0o644)
    port = free_ports(1)[0]
    lines = [
        *(f"cafile {tmp_path}/ca.pem", f"certfile {tmp_path}/server.crt", f"keyfile {tmp_path}/server.key"),
        *("allow_anonymous false", f"password_file {passwords}", f"acl_file {rights}", "user root"),
    ]
    account = {"tls": True, "host": "localhost", "user": "raypp", "ca_file": str(tmp_path / "ca.pem"), "deadline_s": 5}
    good = channel(port, **account, password_file=str(tmp_path / "password"))
    channels = {
        "plant": good,
        "guess": good | {"password_file": str(tmp_path / "wrong")},
        "stranger": {name: value for name, value in good.items() if name != "ca_file"},
        "elsewhere": good | {"topic": "other/place"},
    }
    names = ", ".join(channels)
    with running_broker(tmp_path, port, *lines):
        work(ledger, rules=f"alerts: [{{name: a, when: episode_opened, tools: [drill], to: [{names}]}}]")
        time.sleep(0.5)
        sender = send(channels)
        deadline = time.monotonic() + 30
        while {name for name, _ in sender.notes.answers} != set(channels):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        sender.stop()
        time.sleep(0.5)  # for a handshake under way
        gc.collect()  # paho leaves a connection to the collector whose certificate it refuses
    words = dict(reversed(sender.notes.answers))
    assert words["plant"].words == "acknowledged; nobody subscribes to it"
    assert "Not authorized" in words["guess"].words
    assert "certificate verify failed" in words["stranger"].words
    assert (words["elsewhere"].outcome.value, words["elsewhere"].words.split(": ")[1]) == ("failed", "Not authorized")
    assert "s3cret" not in str(words)


def test_an_alert_of_a_whole_site_stands_below_the_site(ledger: Ledger, send: Send, tmp_path: Path):
    port = free_ports(1)[0]
    rules = "alerts: [{name: mute, when: site_silent, longer_than_s: 0.1, to: [plant]}]"
    work(ledger, rules=rules)
    from tests.ledger.site import STREAM, Connection, StreamName, seen

    Connection(ledger, StreamName("plant-1", "gate", STREAM.epoch)).send(1, [seen(0)])
    with running_broker(tmp_path, port, "allow_anonymous true"), subscribed(port) as subscriber:
        time.sleep(0.2)
        send({"plant": channel(port, topic="works/cameras")})
        with subscribed(port, "works/#") as whole_site:
            (message,) = whole_site.wait(1)
        assert subscriber.messages == []
    assert message.topic == "works/cameras/plant-1/site_silent"
    event = json.loads(message.payload)
    assert (event["source"], event["data"]["camera"]) == ("raypp/plant-1", None)


def test_without_a_client_the_extra_is_named(ledger: Ledger, send: Send, monkeypatch: pytest.MonkeyPatch):
    from raypp.alerts import mqtt
    from raypp.errors import OptionError

    monkeypatch.setattr(mqtt, "find_spec", lambda _name: None)
    with pytest.raises(OptionError, match=r"channel plant: MQTT needs paho-mqtt; install raypp\[mqtt\]"):
        send({"plant": channel(1883)})
