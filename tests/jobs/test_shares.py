"""CPUs of workers that train: all of them find theirs, and frames are read beside them, also when nodes are lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.shares import cpus_after_a_loss, cpus_beside_readers, reading_cpus


@pytest.mark.parametrize(
    ("nodes", "workers", "cpus"),
    [
        ([1], 1, 0.5),
        ([2], 1, 1),
        ([8], 1, 7),
        ([8], 2, 3.5),
        ([2, 2], 1, 1),
        ([2, 2], 2, 1),
        ([1, 1, 1, 1], 2, 0.5),
        ([4, 4, 4, 4], 1, 3),
        ([0, 16, 16], 2, 15),
        ([0, 16, 4], 2, 7.5),
        ([0, 0], 1, 0.5),
        ([2], 8, 0.5),
    ],
)
def test_workers_take_what_all_of_them_find(nodes: list[float], workers: int, cpus: float) -> None:
    assert cpus_beside_readers(nodes, workers) == cpus


@given(st.lists(st.integers(1, 64), min_size=1, max_size=6), st.integers(1, 16))
def test_each_worker_fits_on_a_node_beside_what_reads(nodes: list[int], workers: int) -> None:
    share = cpus_beside_readers(nodes, workers)
    places = sum(int((cpus - reading_cpus(cpus)) / share + 1e-9) for cpus in nodes)
    assert places >= workers or share == 0.5


@given(st.lists(st.integers(0, 64), max_size=6), st.integers(1, 16))
def test_a_worker_finds_room_whichever_node_is_lost(nodes: list[int], workers: int) -> None:
    share = cpus_after_a_loss(nodes, workers)
    rooms = [cpus for cpus in nodes if cpus]
    for lost in range(len(rooms)) if len(rooms) > 1 else ():
        assert any(cpus > share for cpus in rooms[:lost] + rooms[lost + 1 :]), "and something beside it"
    if rooms:
        assert sum(int(cpus / share) for cpus in rooms) >= workers
    assert cpus_after_a_loss([], workers) == 1, "an autoscaler may bring one"


def test_a_small_node_does_not_make_all_workers_small() -> None:
    assert cpus_after_a_loss([1, 32, 64], 1) == pytest.approx(28.8)
    assert cpus_after_a_loss([8, 4], 1) == pytest.approx(3.6)
    assert cpus_after_a_loss([8], 2) == pytest.approx(3.6)
