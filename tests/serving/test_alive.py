"""Between answers that take long a stream is told that the service is there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from protos import raypp_pb2 as pb
from raypp.serving.alive import with_alive
from tests.serving.running import Camera, Connection


def _committed(sequence: int) -> pb.StreamFramesResponse:
    return pb.StreamFramesResponse(committed=pb.Committed(sequence=sequence))


def _kinds(answers: AsyncIterator[pb.StreamFramesResponse], every_s: float) -> list[str]:
    async def run() -> list[str]:
        running: set[asyncio.Task[Any]] = set()
        kinds = [str(answer.WhichOneof("message")) async for answer in with_alive(answers, every_s, running)]
        assert not running
        return kinds

    return asyncio.run(run())


def test_only_what_takes_long_is_bridged() -> None:
    async def answers() -> AsyncIterator[pb.StreamFramesResponse]:
        yield _committed(1)
        yield _committed(2)
        await asyncio.sleep(0.5)
        yield _committed(3)

    kinds = _kinds(answers(), 0.1)
    assert kinds[:2] == ["committed", "committed"]
    assert kinds[-1] == "committed"
    assert 2 <= kinds[2:-1].count("alive") == len(kinds) - 3 <= 4


def test_a_refusal_comes_through() -> None:
    async def answers() -> AsyncIterator[pb.StreamFramesResponse]:
        yield _committed(1)
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        _kinds(answers(), 1)


def test_a_client_of_the_tests_waits_for_its_commit_past_alive() -> None:
    alive = pb.StreamFramesResponse(alive=pb.Alive())
    connection = Connection(Camera("plant", "gate"), cast("Any", None), ())
    connection._call = iter([alive, alive, _committed(1), alive])
    assert connection.committed().sequence == 1
    assert connection.finish() == []
