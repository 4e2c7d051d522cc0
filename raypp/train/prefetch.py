"""The next batches, made in a thread while the trainer computes."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

_AHEAD = 2
"""Items that are made before they are asked for."""


def prefetched(items: Iterable[Item]) -> Generator[Item]:
    """Yield items in their order, while one thread makes those that come next.

    What making one raises is raised in its place. Once this iterator is closed, no item is made any more.
    """
    source = iter(items)
    maker = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    waiting: deque[Future[list[Item]]] = deque()

    try:
        waiting.extend(maker.submit(_next, source) for _ in range(_AHEAD))
        while some := waiting.popleft().result():
            waiting.append(maker.submit(_next, source))
            yield from some
    finally:
        maker.shutdown(cancel_futures=True)


def _next(source: Iterator[Item]) -> list[Item]:
    """Return the next item alone; nothing at the end."""
    return list(islice(source, 1))
