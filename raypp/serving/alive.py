"""Answers of a stream, and between them the word that the service is there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from protos import raypp_pb2 as pb
from raypp.io.background import in_background

_ALIVE = pb.StreamFramesResponse(alive=pb.Alive())


async def with_alive(
    answers: AsyncIterator[pb.StreamFramesResponse], every_s: float, running: set["asyncio.Task[Any]"]
) -> AsyncIterator[pb.StreamFramesResponse]:
    """Pass answers on, and say `alive` whenever none has come for so long.

    A site cannot tell a service that takes long from one whose node was lost: nobody closes its connection.

    Args:
        answers: of a stream.
        every_s: longest silence, in seconds.
        running: holds the task that waits for the next answer; whoever ends the stream cancels it.

    Raises:
        Exception: whatever `answers` raises.
    """
    while True:
        coming = in_background(_next(answers), running)
        while not (await asyncio.wait([coming], timeout=every_s))[0]:
            yield _ALIVE
        answer = coming.result()
        if answer is None:
            return
        yield answer


async def _next(answers: AsyncIterator[pb.StreamFramesResponse]) -> pb.StreamFramesResponse | None:
    return await anext(answers, None)
