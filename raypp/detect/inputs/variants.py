"""Which version of a frame an epoch trains on: the frame itself, or one of the variants that its owner veiled."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Column = Sequence[Any] | npt.NDArray[Any]

VARIANT_COLUMNS = ("source", "timestamp_us", "variant", "variants")
"""Columns of the shards that `chosen_variants` needs."""


def chosen_variants(
    source_N: Column, timestamp_us_N: Column, variant_N: Column, variants_N: Column, seed: int, epoch: int
) -> npt.NDArray[np.bool_]:
    """Say which rows an epoch uses, so that each frame is used once, whichever of its versions that is.

    The choice is by hash of seed, epoch and frame: the same on every worker, in any order of rows, however they are
    split over batches, and again after a restart. Frames without variants are always used.

    Args:
        source_N: source of each row, as in the shards.
        timestamp_us_N: its presentation time; with the source it names the frame.
        variant_N: which version of its frame a row is; 0 is the frame itself.
        variants_N: how many variants its frame has.
        seed: seed of the training.
        epoch: number of the epoch.

    Returns:
        bool[N]
    """
    begin = hashlib.sha256(f"{seed} {epoch}".encode())
    rows = zip(source_N, timestamp_us_N, variant_N, variants_N, strict=True)
    return np.array(
        [
            variants == 0 or variant == _pick(begin.copy(), source, time, variants)
            for source, time, variant, variants in rows
        ],
        dtype=np.bool_,
    )


def _pick(digest: "hashlib._Hash", source: str, timestamp_us: int, variants: int) -> int:
    digest.update(f" {timestamp_us} {source}".encode())
    return int.from_bytes(digest.digest()[:8], "big") % (int(variants) + 1)
