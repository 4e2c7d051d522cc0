"""Workers that die as they start: one lost node ends no work, and workers that always die do."""

import pytest

from jobs.failed_starts import FailedStarts
from raypp.errors import RayppError


def test_ten_workers_of_one_lost_node_count_once() -> None:
    starts = FailedStarts()
    for _ in range(9):
        generation = starts.generation
        for _ in range(10):
            starts.failed(generation)
    generation = starts.generation
    with pytest.raises(RayppError, match="workers die as they start"):
        starts.failed(generation)


def test_a_worker_that_begins_ends_the_sequence() -> None:
    starts = FailedStarts()
    for _ in range(3):
        for _ in range(9):
            starts.failed(starts.generation)
        starts.began()
