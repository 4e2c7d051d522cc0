"""A process that is killed at one of its transactions that write."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from raypp.ledger.database import Database


@contextmanager
def killed_at(number: int, *, after: bool) -> Iterator[None]:
    """Kill this process by its `number`th transaction that writes: before it is durable, or just after."""
    real, count = Database.write, 0

    @contextmanager
    def write(self: Database, *, patient: bool = False):
        nonlocal count
        count += 1
        mine = count
        with real(self, patient=patient) as connection:
            yield connection
            if mine == number and not after:
                os.kill(os.getpid(), signal.SIGKILL)
        if mine == number:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.write = write
    try:
        yield
    finally:
        Database.write = real


def killed_in_child(work: Callable[[], object]) -> bool:
    """Do work in a process of its own; return whether it was killed. Raises AssertionError where it failed."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
