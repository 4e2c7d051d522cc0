"""Work in the background outlasts what goes wrong in it."""

import asyncio
import logging
from contextlib import suppress

import pytest

from actors.background import kept_up


def test_work_that_fails_is_logged_and_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise ValueError(f"number {len(begun)} is unforeseen")
        await asyncio.Event().wait()

    async def run() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(kept_up(work, 0.0), 0.5)

    with caplog.at_level(logging.ERROR, "ray.serve"):
        asyncio.run(run())
    assert begun == [0, 1, 2], "it lasts once nothing goes wrong, and ends when it is cancelled"
    reasons = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert reasons == ["number 1 is unforeseen", "number 2 is unforeseen"]
