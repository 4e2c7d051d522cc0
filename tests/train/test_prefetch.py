"""Items that a thread makes ahead: the same ones, in their order, few ahead, and none once nobody asks."""

import threading
from collections.abc import Iterator

import pytest

from raypp.train.prefetch import prefetched


def test_items_come_in_their_order_and_from_another_thread() -> None:
    def numbers() -> Iterator[tuple[int, int]]:
        for number in range(50):
            yield number, threading.get_ident()

    got = list(prefetched(numbers()))
    assert [number for number, _ in got] == list(range(50))
    assert {thread for _, thread in got}.isdisjoint({threading.get_ident()})
    assert list(prefetched([None, None])) == [None, None]
    assert list(prefetched([])) == []


def test_an_error_comes_where_its_item_would() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("shard 3")

    items = prefetched(numbers())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="shard 3"):
        next(items)
    assert list(items) == []


def test_little_is_made_ahead_and_nothing_after_the_end() -> None:
    yielded: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            yielded.append(number)
            yield number

    before = threading.active_count()
    items = prefetched(numbers())
    assert next(items) == 0
    items.close()
    assert len(yielded) <= 3
    assert threading.active_count() == before
