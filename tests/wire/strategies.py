"""Grids, codes and messages for property tests."""

import numpy as np
from hypothesis import strategies as st

from raypp.veil.packing import Codes
from raypp.veil.spec import PatchSpec
from raypp.wire.grid import CellGrid


@st.composite
def grids(draw: st.DrawFn) -> CellGrid:
    """Grids of small frames under varied specs."""
    patch = draw(st.sampled_from([4, 8, 16]))
    channels = draw(st.integers(1, 20))
    spec = PatchSpec(patch=patch, channels=channels, bits=draw(st.integers(1, 4)), mix=1)
    side = patch * draw(st.integers(1, 12))
    return CellGrid.of(spec, side, draw(st.integers(1, 400)), draw(st.integers(1, 400)))


@st.composite
def sequences(draw: st.DrawFn) -> tuple[CellGrid, list[Codes]]:
    """A grid and a sequence of its codes, each with few, many or no cells changed against the one before."""
    grid = draw(grids())
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    codes = []
    code = generator.integers(0, 1 << grid.bits, grid.shape, dtype=np.uint8)
    for share in draw(st.lists(st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]), max_size=6)):
        fresh = generator.integers(0, 1 << grid.bits, grid.shape, dtype=np.uint8)
        code = np.where(generator.random(grid.shape[1:]) < share, fresh, code)
        codes.append(code)
    return grid, codes
