import asyncio
import base64
import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from raypp.alerts.channel import Answer
from raypp.alerts.opening import open_channels
from raypp.alerts.sender import Sender
from raypp.alerts.settings import AlertSettings
from raypp.io.private import write_private
from raypp.ledger.delivery import Backlog, Delivery
from raypp.ledger.store import Ledger
from tests.alerts.receiver import Receiver, running
from tests.ledger.site import template

KEY = bytes(range(32))


class Notes:
    """All that a sender told of."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, Answer]] = []
        self.backlogs: list[Backlog] = []

    def tried(self, delivery: Delivery, answer: Answer) -> None:
        self.answers.append((delivery.channel, answer))

    def backlog(self, backlogs: list[Backlog]) -> None:
        self.backlogs = backlogs


class RunningSender:
    """A sender in a thread of its own."""

    def __init__(self, ledger: Ledger, settings: AlertSettings) -> None:
        self.notes = Notes()
        self._stop: Future[asyncio.Task[None]] = Future()
        sender = Sender(ledger, settings, open_channels(settings), self.notes)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(sender,))
        self._thread.start()

    def _run(self, sender: Sender) -> None:
        async def until_stopped() -> None:
            self._stop.set_result(asyncio.current_task())
            with contextlib.suppress(asyncio.CancelledError):
                await sender.run()

        self._loop.run_until_complete(until_stopped())
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        task = self._stop.result()
        self._loop.call_soon_threadsafe(task.cancel)
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A SQLite ledger with a site; its clock is the real one."""
    shutil.copy(template(), tmp_path / "ledger.db")
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "office.key"
    write_private(path, b"whsec_" + base64.b64encode(KEY))
    return path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def webhook(receiver: Receiver, key_file: Path) -> dict[str, Any]:
    """Settings of the channel `office`."""
    return {"kind": "webhook", "url": receiver.url, "key_files": [str(key_file)], "deadline_s": 2}


@pytest.fixture
def send(ledger: Ledger) -> Iterator[Callable[..., RunningSender]]:
    """Start a sender by its settings; it is stopped after the test."""
    senders: list[RunningSender] = []

    def start(channels: dict[str, Any], **settings: Any) -> RunningSender:
        values = {"channels": channels, "every_s": 0.2, "longest_wait_s": 1} | settings
        senders.append(RunningSender(ledger, AlertSettings.model_validate(values)))
        return senders[-1]

    yield start
    for sender in senders:
        sender.stop()
