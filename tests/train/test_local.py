"""The order in which a training in one process meets frames."""

import pytest

from raypp.train.local import shuffled


def _order(count: int, held: int, seed: int) -> list[int]:
    return [row["number"] for row in shuffled(({"number": number} for number in range(count)), held, seed)]


@pytest.mark.parametrize(("count", "held"), [(0, 4), (3, 4), (4, 4), (100, 10), (100, 1)])
def test_every_row_comes_once(count: int, held: int) -> None:
    assert sorted(_order(count, held, 0)) == list(range(count))


def test_the_order_is_the_seeds() -> None:
    assert _order(100, 16, 1) == _order(100, 16, 1)
    assert _order(100, 16, 1) != _order(100, 16, 2)
    assert _order(100, 100, 0) != list(range(100))


def test_no_more_rows_are_held_than_may_be() -> None:
    taken = []
    rows = ({"number": taken.append(number) or number} for number in range(100))
    for yielded, _ in enumerate(shuffled(rows, 8, 0)):
        assert len(taken) - yielded <= 8
