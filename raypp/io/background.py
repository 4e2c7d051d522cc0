"""Tasks that nobody may ever wait for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def in_background(work: Coroutine[Any, Any, _Result], running: set["asyncio.Task[Any]"]) -> "asyncio.Task[_Result]":
    """Start a task that nobody may ever wait for: it is held until it ends, and its error is no news."""
    task = asyncio.get_running_loop().create_task(work)
    running.add(task)
    task.add_done_callback(running.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
