"""A generator is shown frames moved by whole cells, with some wrong values, and never a value where no cell is."""

import torch

from raypp.synthesis.augmentation import moved_by_cells, with_errors
from raypp.synthesis.batches import FrameTensors, draw_hidden
from raypp.synthesis.layout import EXTRA_PLANES

_LEVELS, _ROWS, _COLUMNS = 4, 9, 16


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_codes_and_label_maps_are_moved_together_and_coordinates_stay() -> None:
    codes = torch.randint(0, _LEVELS, (2, 3, _ROWS, _COLUMNS), dtype=torch.uint8, generator=_generator())
    planes = torch.ones(2, 2 + EXTRA_PLANES, _ROWS, _COLUMNS)
    planes[:, 3] = torch.arange(_ROWS)[:, None]
    planes[:, 4] = torch.arange(_COLUMNS)
    generator, places = _generator(), set()
    for _ in range(40):
        other = moved_by_cells(FrameTensors(codes, planes, 0), _LEVELS, generator)
        empty = (other.codes == _LEVELS + 1).all(1)
        assert torch.equal(other.planes[:, 2] == 0, empty)
        assert torch.equal(other.planes[:, 3:5], planes[:, 3:5])
        rows, columns = (int((~empty[0]).any(dim).sum()) for dim in (1, 0))
        assert rows >= _ROWS - 2
        assert columns >= _COLUMNS - 4
        assert other.codes[~empty[:, None].expand_as(codes)].numel() == 2 * 3 * rows * columns
        places.add((rows, columns))
    assert len(places) > 5


def test_some_shown_values_are_wrong_and_no_cell_stays_none() -> None:
    codes = torch.zeros(8, 3, _ROWS, _COLUMNS, dtype=torch.uint8)
    codes[..., 0] = _LEVELS + 1
    shown = with_errors(codes, _LEVELS, _generator())
    assert (shown[..., 0] == _LEVELS + 1).all()
    assert 0 < (shown[..., 1:] != 0).float().mean() < 0.1


def test_each_frame_has_something_hidden() -> None:
    codes = torch.zeros(64, 3, _ROWS, _COLUMNS, dtype=torch.uint8)
    hidden = draw_hidden(codes, _generator())
    shares = hidden.flatten(1).float().mean(1)
    assert hidden.flatten(1).any(1).all()
    assert shares.min() < 0.2
    assert shares.max() > 0.9
