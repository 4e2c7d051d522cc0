"""What a start of Ray raises and changes, put right; imports no Ray, which reads the environment on import."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from raypp.errors import RayppError

_TOO_LATE = ("timed out during startup", "proxies not available after")
"""Words of bare exceptions of Ray's, and of Serve's."""


@contextmanager
def start_told(address: str | None) -> Iterator[None]:
    """Raise RayppError if the block's `ray.init` or `serve.start` fails: nobody answers, or the machine is too slow."""
    try:
        yield
    except ConnectionError:
        raise RayppError(f"no Ray answers at {address}; check `address`, or leave it out for a local Ray") from None
    except Exception as error:
        if not any(words in str(error) for words in _TOO_LATE):
            raise
        raise RayppError("Ray did not start within its time; the machine is too busy, try again") from None


@contextmanager
def sigterm_kept() -> Iterator[None]:
    """Have SIGTERM after the block's `ray.init` do what it did before.

    Ray answers it with a handler of its own, and its core with another, which prints a stack trace of C++.
    """
    if threading.current_thread() is not threading.main_thread():  # no other may set one, Ray included
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:  # by Ray's handler, while Ray starts
        signal.signal(signal.SIGTERM, before)
        signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
