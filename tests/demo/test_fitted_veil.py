"""The start that comes with raypp: the file that was measured, for the demo's tools, of benches that no demo draws."""

from hashlib import sha256

import numpy as np
import pytest

from raypp.demo.fitted_veil import PUBLISHED_START
from raypp.demo.workshop.stills import MOMENTS, Drawn, bench_seeds
from raypp.demo.workshop.tools import CLASSES
from raypp.detect.warm_start import open_warm_start
from tests.accept.bench_weights import ARCHITECTURE, SEED, SIZE

_DIGEST = "990c275dc1598d3d5e78486a1534d28546a9458d9d10fe2cda0b681ed0064a55"
"""Of the file that benchmarks/results/uses.md is about; a new one is measured anew."""
_WORDS = 1 << 32
_PUBLISHED_BENCHES = range(0, 4000, 97)


def test_the_start_is_the_file_that_was_measured() -> None:
    content = PUBLISHED_START.read_bytes()
    assert sha256(content).hexdigest() == _DIGEST
    assert len(content) < 3_000_000


def test_the_start_is_of_the_demos_tools_and_size() -> None:
    header, stem = open_warm_start(PUBLISHED_START)
    assert (header.architecture, header.classes, header.size) == (ARCHITECTURE, CLASSES, SIZE)
    assert not stem.training


@pytest.mark.parametrize("seed", [0, 1, SEED, SEED + _WORDS, SEED + _WORDS * Drawn.PUBLISHED])
def test_no_demo_draws_a_bench_that_the_start_learnt(seed: int) -> None:
    published = {_begin(bench_seeds(SEED, Drawn.PUBLISHED, number)) for number in _PUBLISHED_BENCHES}
    assert len(published) == len(_PUBLISHED_BENCHES)
    videos = [[seed, site, 0] for site in range(2)]
    for drawn in (*videos, *(bench_seeds(seed, Drawn.HERE, number) for number in _PUBLISHED_BENCHES)):
        assert _begin(drawn) not in published


def test_what_a_generator_starts_from_is_the_same_with_a_0_behind_so_that_archives_end_in_another_number() -> None:
    assert _begin([1, 2, 3]) == _begin([1, 2, 3, 0])
    assert bench_seeds(1, Drawn.HERE, 3)[-1] == MOMENTS


def _begin(words: list[int]) -> tuple[int, ...]:
    """Return what a generator draws first."""
    return tuple(np.random.default_rng(words).integers(0, 1 << 62, 4).tolist())
