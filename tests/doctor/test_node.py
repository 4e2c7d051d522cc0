"""A node looked at: this machine, with faults that are really there."""

import http.server
import os
import platform
import socket
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest

from raypp.doctor.facts import Endpoint, NodeQuestions
from raypp.doctor.node import look_at_node
from raypp.io.ports import free_ports
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.store import Ledger
from tests.interfaces import own_address


def test_it_says_what_is_installed_and_how_much_room_there_is(tmp_path: Path) -> None:
    facts = look_at_node(NodeQuestions(places=(tmp_path, tmp_path / "nowhere")))
    assert facts.versions["python"] == platform.python_version()
    assert facts.versions["ray"]
    room, nowhere = facts.rooms
    assert 0 < room.free <= room.total
    assert nowhere.problem == "No such file or directory"
    assert 0 < facts.memory_free < facts.memory_total
    assert (facts.ledger, facts.gpu, facts.service, facts.metrics_open) == (None, "", "", False)


def test_a_port_that_nobody_has_is_not_reached() -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached = Endpoint(what="raylet", host="127.0.0.1", port=server.getsockname()[1])
        other = Endpoint(what="object manager", host="127.0.0.1", port=port)
        facts = look_at_node(NodeQuestions(endpoints=(reached, other)))
    assert facts.unreached == (f"object manager at 127.0.0.1:{port} (Connection refused)",)


def test_metrics_that_anybody_reads_are_seen() -> None:
    own = own_address()
    handler_class = type("Handler", (http.server.SimpleHTTPRequestHandler,), {})  # its own: what is set here stays here
    with http.server.HTTPServer((own, 0), handler_class) as server:
        server.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, daemon=True).start()
        assert not look_at_node(NodeQuestions(own=own, metrics_port=server.server_port)).metrics_open  # 404
        server.RequestHandlerClass.do_GET = lambda handler: handler.send_response(200) or handler.end_headers()  # type: ignore[attr-defined]
        assert look_at_node(NodeQuestions(own=own, metrics_port=server.server_port)).metrics_open
        server.shutdown()


def test_a_ledger_is_opened_and_neither_made_nor_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = sqlite_url(tmp_path / "ledger.db")
    missing = look_at_node(NodeQuestions(ledger=url)).ledger
    assert missing is not None
    assert missing.startswith("there is no ledger")
    assert not (tmp_path / "ledger.db").exists()
    Ledger.open(url).close()
    monkeypatch.setenv("RAYPP_LEDGER", url)
    assert look_at_node(NodeQuestions()).ledger == ""
    several = look_at_node(NodeQuestions(nodes=2)).ledger
    assert several is not None
    assert "is a file of one machine" in several


def test_a_ledger_that_must_be_brought_up_is_no_good_one(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ledger.db")
    with Ledger.open(url) as ledger, ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE raypp_schema SET version_num = '0008'")
    problem = look_at_node(NodeQuestions(ledger=url)).ledger
    assert problem is not None
    assert "has schema 0008, older than" in problem


def test_a_ledgers_password_is_in_no_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("RAYPP_LEDGER", f"postgresql+psycopg://raypp:hunter2@127.0.0.1:{port}/raypp")
    facts = look_at_node(NodeQuestions())
    assert facts.ledger is not None
    assert "cannot be reached" in facts.ledger
    assert "hunter2" not in facts.model_dump_json()


def test_a_model_has_its_digest_or_the_reason(tmp_path: Path) -> None:
    (tmp_path / "tools.model").write_bytes(b"bundle")
    questions = NodeQuestions(models=(tmp_path / "tools.model", tmp_path / "other.model"))
    digests = list(look_at_node(questions).models.values())
    assert digests == [sha256(b"bundle").hexdigest(), f"!{os.strerror(2)}"]
