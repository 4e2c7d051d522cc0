"""Rows of shards on their way to batches: an epoch's choice of variants, in batches of one size."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, cycle, islice
from typing import Any

import numpy as np

from raypp.detect.inputs.variants import VARIANT_COLUMNS, chosen_variants

Rows = Mapping[str, Any]
"""Columns by name, of N entries each."""

SHUFFLED_ROWS = 2048
"""How many rows are held to mix them."""
VAL_ROWS = 32
"""Rows of a batch of validation."""
_REPEATABLE_BATCHES = 16


def of_epoch(batches: Iterable[Rows], seed: int, epoch: int) -> Iterator[dict[str, Any]]:
    """Leave in each batch of rows one version of each frame: see `chosen_variants`."""
    for rows in batches:
        source, time, variant, variants = (rows[name] for name in VARIANT_COLUMNS)
        kept = np.flatnonzero(chosen_variants(source, time, variant, variants, seed, epoch))
        if len(kept):
            yield {name: np.asarray(values)[kept] for name, values in rows.items()}


def rebatch(batches: Iterable[Rows], size: int) -> Iterator[dict[str, Any]]:
    """Cut rows anew into batches of exactly `size` rows, in order; what is left over at the end is dropped."""
    waiting: dict[str, Any] = {}
    for rows in batches:
        joined = {name: np.concatenate([waiting[name], values]) for name, values in rows.items()} if waiting else rows
        count = len(next(iter(joined.values())))
        for start in range(0, count - size + 1, size):
            yield {name: values[start : start + size] for name, values in joined.items()}
        waiting = {name: values[count - count % size :] for name, values in joined.items()}


def exactly(batches: Iterable[Any], count: int) -> Iterator[Any]:
    """Yield `count` batches: what is more is left out, and what is missing is made up by the first ones again.

    Workers that train together must make the same number of steps, and chance may give one of them fewer frames.
    """
    first: list[Any] = []

    def remembered() -> Iterator[Any]:
        for batch in batches:
            if len(first) < _REPEATABLE_BATCHES:
                first.append(batch)
            yield batch

    def again() -> Iterator[Any]:
        yield from cycle(first)  # begun only once all have been seen

    return islice(chain(remembered(), again()), count)
