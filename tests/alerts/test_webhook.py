"""Webhooks: what a receiver gets, and what becomes of one that misbehaves."""

import base64
import contextlib
import hashlib
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raypp.alerts.opening import open_channels
from raypp.alerts.settings import AlertSettings
from raypp.errors import OptionError
from raypp.io.private import write_private
from raypp.ledger.delivery import DeliveryState
from raypp.ledger.letters import Letters
from raypp.ledger.store import Ledger
from tests.alerts.conftest import KEY, RunningSender
from tests.alerts.events import work
from tests.alerts.receiver import Receiver, running
from tests.command_server import ROOT
from tests.ledger.site import SECOND, T0
from tests.serving.front import Authority

Send = Callable[..., RunningSender]


def settled(ledger: Ledger, count: int, state: DeliveryState = DeliveryState.SENT) -> None:
    """Wait until so many alerts are in a state."""
    deadline = time.monotonic() + 30
    while len(Letters(ledger, "plant-1").latest(state, limit=1000)) < count:
        assert time.monotonic() < deadline, Letters(ledger, "plant-1").latest()
        time.sleep(0.1)


def verified(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    """Check a signature by the code of docs/how-to/alerts.md."""
    page = (ROOT / "docs/how-to/alerts.md").read_text()
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)  # noqa: S102 - our own page
    return bool(names["verified"](headers, body, "whsec_" + base64.b64encode(key).decode()))


def test_a_receiver_gets_signed_cloudevents_in_order(ledger: Ledger, receiver: Receiver, webhook: Any, send: Send):
    work(ledger)
    send({"office": webhook})
    events = receiver.wait(4)
    assert [(event["type"], event["time"]) for event in events] == [
        ("raypp.episode_opened", "2023-11-14T22:13:20.000000Z"),
        ("raypp.episode_ended", "2023-11-14T22:13:40.000000Z"),
        ("raypp.episode_opened", "2023-11-14T22:14:00.000000Z"),
        ("raypp.episode_ended", "2023-11-14T22:14:20.000000Z"),
    ]
    first = events[0]
    episode = ledger.episodes("plant-1", tools=["drill"])[0]
    assert first["specversion"] == "1.0"
    assert (first["source"], first["subject"]) == ("raypp/plant-1/bench", "drill used")
    assert first["data"]["site"] == "plant-1"
    assert first["data"]["episode"]["episode_id"] == episode.episode_id
    for request in receiver.requests:
        assert request.path == "/alerts"
        assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        assert request.headers["webhook-id"] == request.event["id"]
        assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
        assert verified(request.headers, request.body, KEY)
        assert not verified(request.headers, request.body + b" ", KEY)
        assert not verified(request.headers | {"webhook-timestamp": "1"}, request.body, KEY)
    settled(ledger, 4)
    assert {row.answer for row in Letters(ledger, "plant-1").latest()} == {"answered 200: thanks"}


def test_every_key_signs_so_that_keys_can_be_changed(
    ledger: Ledger, receiver: Receiver, webhook: Any, send: Send, tmp_path: Path
):
    new = hashlib.sha256(b"new").digest()
    write_private(tmp_path / "new.key", b"whsec_" + base64.b64encode(new) + b"\n")
    work(ledger)
    send({"office": webhook | {"key_files": [str(tmp_path / "new.key"), *webhook["key_files"]]}})
    receiver.wait(4)
    for request in receiver.requests:
        assert verified(request.headers, request.body, KEY)
        assert verified(request.headers, request.body, new)
        assert not verified(request.headers, request.body, bytes(32))


def test_what_waits_for_a_receiver_that_is_down_comes_in_order_of_event_time(
    ledger: Ledger, key_file: Path, send: Send
):
    receiver = Receiver()
    with running(receiver):
        pass  # its port is known, and nobody listens
    channel = {"kind": "webhook", "url": receiver.url, "key_files": [str(key_file)]}
    cameras = ("bench", "gate", "yard")
    sender = send({"office": channel})
    work(ledger, *cameras)
    deadline = time.monotonic() + 20
    while len(sender.notes.answers) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert {answer.outcome.value for _, answer in sender.notes.answers} == {"unreached"}
    with running(receiver):
        events = receiver.wait(12)
    for camera in cameras:
        times = [event["time"] for event in events if event["source"] == f"raypp/plant-1/{camera}"]
        assert times == sorted(times)
        assert len(times) == 4


@pytest.mark.parametrize("status", [503, 404])
def test_an_error_is_tried_again_with_the_same_bytes(
    ledger: Ledger, receiver: Receiver, webhook: Any, send: Send, status: int
):
    receiver.status = status
    work(ledger)
    send({"office": webhook})
    receiver.wait(2)
    assert receiver.requests[0].body == receiver.requests[1].body  # those behind wait for it
    assert receiver.requests[1].at_s - receiver.requests[0].at_s > 0.4
    receiver.status = 202
    settled(ledger, 4)
    assert len({event["id"] for event in receiver.events()}) == 4
    assert Letters(ledger, "plant-1").latest()[0].tries >= 1


def test_a_redirect_is_not_followed(ledger: Ledger, receiver: Receiver, webhook: Any, send: Send):
    with running(Receiver()) as elsewhere:
        receiver.status, receiver.extra_headers = 307, {"location": elsewhere.url}
        work(ledger)
        sender = send({"office": webhook})
        receiver.wait(2)
        assert elsewhere.requests == []
    assert "redirects are not followed" in sender.notes.answers[0][1].words


@pytest.mark.parametrize("status", [400, 422])
def test_what_a_receiver_never_takes_is_a_dead_letter_and_does_not_hold_up_the_others(
    ledger: Ledger, receiver: Receiver, webhook: Any, send: Send, status: int
):
    def refuse_the_first(request: Any) -> None:
        receiver.status = status if request.event["time"].endswith("13:20.000000Z") else 200

    receiver.before_answer = refuse_the_first
    work(ledger)
    send({"office": webhook})
    settled(ledger, 3)
    (dead,) = Letters(ledger, "plant-1").latest(DeliveryState.DEAD)
    assert (dead.moment_us, dead.answer) == (T0, f"answered {status}: thanks")


def test_an_old_alert_that_fails_is_a_dead_letter_that_can_be_tried_again_or_dropped(
    ledger: Ledger, receiver: Receiver, webhook: Any, send: Send
):
    receiver.status = 500
    work(ledger)
    send({"office": webhook}, give_up_after_s=0.001)
    settled(ledger, 4, DeliveryState.DEAD)
    letters = Letters(ledger, "plant-1")
    first, *_, last = letters.latest(DeliveryState.DEAD)
    with pytest.raises(OptionError, match="plant-1 has no dead letter 'abc'; `raypp alerts list plant-1` lists them"):
        letters.drop(["abc"])
    assert letters.drop([first.alert_id]) == 1
    receiver.status = 200
    assert letters.retry([last.alert_id]) == 1
    settled(ledger, 1)
    assert letters.retry() == 2
    settled(ledger, 3)
    assert letters.retry() == 0


@contextlib.contextmanager
def deaf() -> Any:
    """A server that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


class _Dripping(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.1)

    def log_message(self, *_: object) -> None:
        pass


def test_a_receiver_that_never_answers_holds_up_neither_commits_nor_other_channels(
    ledger: Ledger, receiver: Receiver, webhook: Any, send: Send
):
    with deaf() as port:
        hung = webhook | {"url": f"http://127.0.0.1:{port}/", "deadline_s": 0.5}
        sender = send({"hung": hung, "office": webhook})
        begun = time.monotonic()
        work(ledger, "bench", "gate", rules="alerts: [{name: a, when: episode_opened, to: [hung, office]}]")
        assert time.monotonic() - begun < 10
        receiver.wait(8)
        deadline = time.monotonic() + 20
        while not any(channel == "hung" for channel, _ in sender.notes.answers):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    words = {answer.words for channel, answer in sender.notes.answers if channel == "hung"}
    assert words == {f"127.0.0.1:{port} did not answer within 0.5 s"}


def test_an_answer_that_never_ends_is_cut_by_the_deadline(ledger: Ledger, webhook: Any, send: Send):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        work(ledger)
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        sender = send({"office": webhook | {"url": url, "deadline_s": 0.5}})
        deadline = time.monotonic() + 20
        while not sender.notes.answers:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.shutdown()
    assert "did not answer within 0.5 s" in sender.notes.answers[0][1].words


def test_a_large_answer_is_not_read_to_its_end(ledger: Ledger, receiver: Receiver, webhook: Any, send: Send):
    receiver.answer = b"\x1b[31mred " + b"x" * 5_000_000
    work(ledger)
    send({"office": webhook})
    settled(ledger, 4)
    answer = Letters(ledger, "plant-1").latest()[0].answer
    assert answer is not None
    assert answer.startswith("answered 200: \\x1b[31mred xxx")
    assert len(answer) <= 300


def test_a_certificate_that_nobody_vouches_for_is_refused(
    ledger: Ledger, receiver: Receiver, webhook: Any, send: Send, tmp_path: Path
):
    authority = Authority.make("of the test")
    certificate, key = authority.issue("localhost", server=True)
    (tmp_path / "server.crt").write_bytes(certificate)
    (tmp_path / "server.key").write_bytes(key)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    with running(Receiver(tls=context)) as behind_tls:
        url = f"https://localhost:{behind_tls.port}/"
        rules = "alerts: [{name: a, when: episode_opened, tools: [drill], to: [trusted, stranger]}]"
        work(ledger, rules=rules)
        trusted = webhook | {"url": url, "ca_file": str(tmp_path / "ca.pem")}
        sender = send({"trusted": trusted, "stranger": webhook | {"url": url}})
        behind_tls.wait(2)
        deadline = time.monotonic() + 20
        while not any(channel == "stranger" for channel, _ in sender.notes.answers):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    refusal = next(answer for channel, answer in sender.notes.answers if channel == "stranger")
    assert refusal.outcome.value == "unreached"
    assert "certificate verify failed" in refusal.words.lower()


def test_secrets_of_a_channel_come_from_files_and_are_not_shown(
    ledger: Ledger, receiver: Receiver, webhook: Any, send: Send, tmp_path: Path
):
    write_private(tmp_path / "url", f"{receiver.url}?code=s3cret\n".encode())
    write_private(tmp_path / "token", b"t0ken\n")
    channel = webhook | {"url": None, "url_file": str(tmp_path / "url"), "token_file": str(tmp_path / "token")}
    receiver.status = 500
    work(ledger)
    sender = send({"office": channel})
    receiver.wait(1)
    receiver.status = 200
    settled(ledger, 4)
    assert receiver.requests[0].headers["authorization"] == "Bearer t0ken"
    assert receiver.requests[0].path == "/alerts?code=s3cret"
    words = json.dumps([answer.words for _, answer in sender.notes.answers])
    assert "s3cret" not in words
    assert "t0ken" not in words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_files": []}, "office: key_files must have at least 1 item"),
        ({"url": None}, "a webhook needs `url` or `url_file`"),
        ({"url": "ftp://host/"}, "must be http://HOST/PATH or https://HOST/PATH"),
        ({"url": "https://user:pass@host/"}, "holds an account"),
        ({"deadline_s": 0}, "deadline_s must be greater than 0"),
        ({"kind": "mail"}, "kind"),
        ({"keys": []}, "keys is not known"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_in_one_line(webhook: Any, tmp_path: Path, changes: Any, words: str):
    path = tmp_path / "serve.yaml"
    path.write_text(json.dumps({"models": ["x"], "alerts": {"channels": {"office": webhook | changes}}}))
    with pytest.raises(OptionError) as refusal:
        AlertSettings.load(path)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0o600, "key file .*: No such file or directory; make one: "),
        (b"whsec_" + base64.b64encode(KEY), 0o644, "is open to others"),
        (b"whsec_" + base64.b64encode(b"short"), 0o600, "holds no key of 24 to 64 bytes as whsec_BASE64"),
        (b"not base64!", 0o600, "holds no key of 24 to 64 bytes"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_named(
    webhook: Any, tmp_path: Path, content: bytes | None, mode: int, words: str
):
    path = tmp_path / "bad.key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    settings = AlertSettings.model_validate({"channels": {"office": webhook | {"key_files": [str(path)]}}})
    with pytest.raises(OptionError, match=f"channel office: .*{words}"):
        open_channels(settings)


def test_what_is_long_past_is_pruned_and_orphans_are_given_up(ledger: Ledger, webhook: Any, send: Send):
    ledger.clock = lambda: time.time_ns() // 1000 - 40 * 86_400 * SECOND
    work(ledger, rules="alerts: [{name: a, when: episode_opened, tools: [drill], to: [office, nobody]}]")
    sender = send({"office": webhook})
    settled(ledger, 2)
    sender.stop()
    ledger.clock = lambda: time.time_ns() // 1000
    send({"office": webhook}, give_up_after_s=0.001)
    settled(ledger, 2, DeliveryState.DEAD)
    assert {row.answer for row in Letters(ledger, "plant-1").latest()} == {"no sender has a channel of this name"}
