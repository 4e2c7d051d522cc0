"""Rows become batches of one size, each frame once, and as many batches as were asked for."""

from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.detect.inputs.rows import exactly, of_epoch, rebatch


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 7))
def test_rebatching_keeps_order_and_drops_only_what_is_left_over(lengths: list[int], size: int) -> None:
    ends = np.cumsum([0, *lengths])
    rows = [{"n": np.arange(a, b), "m": np.arange(a, b) * 2} for a, b in pairwise(ends)]
    out = list(rebatch(rows, size))
    assert all(len(batch["n"]) == size for batch in out)
    joined = [int(n) for batch in out for n in batch["n"]]
    assert joined == list(range(int(ends[-1]) // size * size))
    assert all((batch["m"] == batch["n"] * 2).all() for batch in out)


def test_an_epoch_has_each_frame_once_in_one_of_its_versions() -> None:
    frames, variants = 40, 3
    numbers = np.arange(frames * (variants + 1))
    rows = {
        "source": [f"image-{n // (variants + 1)}" for n in numbers],
        "timestamp_us": numbers * 0,
        "variant": numbers % (variants + 1),
        "variants": np.full(len(numbers), variants),
    }
    parts = [{name: values[start : start + 16] for name, values in rows.items()} for start in range(0, 160, 16)]
    picked = []
    for epoch in range(3):
        kept = list(of_epoch(parts, seed=1, epoch=epoch))
        sources = [source for part in kept for source in part["source"]]
        assert sorted(sources) == sorted({f"image-{n}" for n in range(frames)})
        picked.append([int(number) for part in kept for number in part["variant"]])
    assert set(picked[0]) == {0, 1, 2, 3}
    assert picked[0] != picked[1] != picked[2]


@pytest.mark.parametrize(("there", "wanted"), [(5, 5), (7, 5), (3, 5), (1, 4)])
def test_there_are_exactly_as_many_batches_as_asked_for(there: int, wanted: int) -> None:
    rows_taken = list(islice(exactly(range(there), wanted), 100))
    assert len(rows_taken) == wanted
    assert rows_taken[:there] == list(range(min(there, wanted)))


def test_no_rows_at_all_give_no_batches() -> None:
    assert list(exactly([], 3)) == []
