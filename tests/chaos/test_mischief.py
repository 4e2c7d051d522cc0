"""Mischief counts where it was really done, and nowhere else."""

import random
import socket
from collections import Counter
from contextlib import suppress
from types import SimpleNamespace

import pytest

from tests.chaos import mischief
from tests.chaos.mischief import NothingDoneError, cut_link, kill_agent, kill_gateway, stall_link
from tests.chaos.pipe import Pipe
from tests.chaos.rounds import disturbed, undone


@pytest.fixture(autouse=True)
def _in_no_time(monkeypatch):
    monkeypatch.setattr(mischief.time, "sleep", lambda _: None)


@pytest.fixture
def linked():
    """A world of which there is a link alone, and a server behind it."""
    with socket.create_server(("127.0.0.1", 0)) as server, Pipe(server.getsockname()[1]) as pipe:
        yield SimpleNamespace(pipe=pipe, server=server)


def test_a_link_that_nobody_uses_is_neither_cut_nor_stalled(linked):
    for harm in (cut_link, stall_link):
        with pytest.raises(NothingDoneError):
            harm(linked, random.Random(0))


def test_a_link_in_use_is_cut(linked):
    with socket.create_connection(("127.0.0.1", linked.pipe.port)) as client:
        behind, _ = linked.server.accept()
        with behind:
            behind.sendall(b"x")
            assert client.recv(1) == b"x"
            assert linked.pipe.connections == 1
            assert "stalled" in stall_link(linked, random.Random(0))
            assert "cut" in cut_link(linked, random.Random(0))
            client.settimeout(10)
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""


def test_where_nobody_runs_nobody_is_killed():
    world = SimpleNamespace(replicas=lambda _: [], running_sites=list)
    for harm in (kill_gateway, kill_agent):
        with pytest.raises(NothingDoneError):
            harm(world, random.Random(0))


def test_what_was_not_done_is_tried_again_and_told_if_it_never_was():
    tries = Counter()

    def harm(_world, _chance):
        tries["harm"] += 1
        if tries["harm"] < 3:
            raise NothingDoneError("nobody there yet")
        return "harmed"

    def other(_world, _chance):
        return "did something else"

    def never(_world, _chance):
        raise NothingDoneError("nobody there")

    def world():
        left = iter(range(40))
        return SimpleNamespace(
            running_sites=lambda: ["a"] if next(left, None) is not None else [],
            dump=dict,
            untold=str,
            listeners=SimpleNamespace(counted=Counter()),
        )

    lines = []
    hurt = disturbed(world(), 1, (harm, never, other), lines.append, (0, 0))
    assert hurt.done["harm"] > 1
    assert hurt.done["other"] > 2, "one that finds nothing to do must not keep the others from it"
    assert undone((harm, never, other), hurt.done) == ["never"]
    assert disturbed(world(), 1, (other,), lines.append, (0, 0), most=2).done == {"other": 2}
    assert sum("nobody there yet" in line for line in lines) == 2
