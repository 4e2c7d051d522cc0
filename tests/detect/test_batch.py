"""Batches hold what the shards and labels hold, and augmentation only moves whole cells."""

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.detect.inputs.batch import NO_CELL, DetectionBatch, batch_of_rows, labelled_batch
from raypp.errors import ShardError
from raypp.media.frame import PADDING
from raypp.shards.reader import FrameBatch
from raypp.train.augmentation import CellAugmentation
from tests.shards.archives import header, row

_GRID = 12


def _rows(*numbers: int) -> dict[str, list[object]]:
    rows = [row(number) for number in numbers]
    return {
        "sample_id": [row_of_batch.sample_id for row_of_batch in rows],
        "sub_key": [number % 4 for number in numbers],
        "code": [row_of_batch.code for row_of_batch in rows],
        "width": [row_of_batch.width for row_of_batch in rows],
        "height": [row_of_batch.height for row_of_batch in rows],
        "boxes": [[{"class_id": n % 3, "x": 0.5, "y": 0.4, "w": 0.2, "h": 0.1}] * (n % 3) for n in numbers],
    }


def test_rows_become_codes_in_their_square_and_boxes_with_their_frame() -> None:
    rows = _rows(1, 2, 3)
    batch = batch_of_rows(rows, header())
    import pyarrow as pa

    table = {name: rows[name] for name in ("code", "width", "height")}
    expected = FrameBatch(header(), pa.RecordBatch.from_pydict(table)).codes()
    codes, sub_keys = batch.inputs[:, :-1].numpy(), batch.inputs[:, -1]
    inside = codes != NO_CELL
    assert inside.any(axis=(1, 2, 3)).all()
    assert not inside.all(), "these frames do not fill their square"
    np.testing.assert_array_equal(codes[inside], expected[inside])
    assert not expected[~inside].any()
    assert [plane.unique().tolist() for plane in sub_keys] == [[1], [2], [3]]
    assert batch.image_of_M.tolist() == [0, 1, 1]
    assert batch.class_of_M.tolist() == [1, 2, 2]
    assert batch.boxes_M4[0].tolist() == pytest.approx([0.5, 0.4, 0.2, 0.1])
    tensors = batch.to_ultralytics(torch.device("cpu"))
    assert tensors["cls"].shape == (3, 1)
    assert tensors["img"].dtype == torch.uint8


def test_a_batch_without_boxes_is_one() -> None:
    batch = batch_of_rows(_rows(3, 6), header())
    assert batch.boxes_M4.shape == (0, 4)


def test_a_code_of_another_size_is_refused() -> None:
    rows = _rows(1)
    rows["width"] = [7]
    with pytest.raises(ShardError, match="does not fit"):
        batch_of_rows(rows, header())


def _marked(count: int, seed: int) -> DetectionBatch:
    """Inputs whose boxes are marked in the codes: cells inside the one box of input i hold i + 1."""
    random = np.random.default_rng(seed)
    codes = np.zeros((count, 2, _GRID, _GRID), dtype=np.uint8)
    boxes = []
    for index in range(count):
        left, top = random.integers(0, _GRID - 2, 2)
        right, bottom = random.integers(left + 1, _GRID + 1), random.integers(top + 1, _GRID + 1)
        codes[index, :, top:bottom, left:right] = index + 1
        edges = np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]) / _GRID
        boxes.append((index, index + 1, *edges))
    return labelled_batch(codes, boxes, tuple(map(str, range(count))))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.1, 0.4]))
def test_boxes_stay_on_what_they_mark(seed: int, mosaic: float, shift: float) -> None:
    batch = _marked(5, seed)
    out = CellAugmentation(mosaic, shift)(batch, np.random.default_rng(seed))
    again = CellAugmentation(mosaic, shift)(batch, np.random.default_rng(seed))
    assert torch.equal(out.inputs, again.inputs)
    assert torch.equal(out.boxes_M4, again.boxes_M4)
    assert out.inputs.shape == batch.inputs.shape
    for image, mark, (x, y, w, h) in zip(out.image_of_M, out.class_of_M, out.boxes_M4 * _GRID, strict=True):
        edges = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        left, top, right, bottom = edges.round().int().tolist()
        torch.testing.assert_close(edges, edges.round(), atol=1e-4, rtol=0)
        assert (left, top) >= (0, 0)
        assert max(right, bottom) <= _GRID
        assert (out.inputs[image, :, top:bottom, left:right] == int(mark)).all()


def test_augmented_batches_are_those_of_the_first_release() -> None:
    """Digests are of the code that moved box by box; so the same seed gives the same training."""
    chance, digest = np.random.default_rng(7), hashlib.sha256()
    for grid, cell, mosaic in itertools.product((8, 20, 21), (1, 4), (0.0, 0.5, 1.0)):
        boxes = [(int(chance.integers(0, 6)), int(chance.integers(0, 5)), *chance.random(4)) for _ in range(17)]
        inputs = chance.integers(0, 256, (6, 3, grid, grid), dtype=np.uint8)
        batch = labelled_batch(inputs, boxes, tuple("abcdef"), plain=cell > 1)
        draws = np.random.default_rng((grid, cell))
        for _ in range(3):
            batch = CellAugmentation(mosaic, 0.3, cell)(batch, draws)
            for tensor in (batch.inputs, batch.image_of_M, batch.class_of_M, batch.boxes_M4):
                digest.update(tensor.numpy().tobytes())
        digest.update(draws.bytes(8))
    assert digest.hexdigest() == "80f55083adebb73df5cc24f85838a02fe7d933a869ce0f8e750a9976e7d2cde6"


def test_without_mosaic_and_shift_nothing_changes(tmp_path: Path) -> None:
    batch = _marked(3, 0)
    out = CellAugmentation(0.0, 0.0)(batch, np.random.default_rng(0))
    assert torch.equal(out.inputs, batch.inputs)
    torch.testing.assert_close(out.boxes_M4, batch.boxes_M4)


def test_plain_images_move_by_whole_cells_and_are_filled_with_grey() -> None:
    chance = np.random.default_rng(0)
    images = chance.integers(0, 100, (2, 3, 32, 32), dtype=np.uint8)
    batch = labelled_batch(images, [(0, 0, 0.5, 0.5, 0.2, 0.2)], ("a", "b"), plain=True)
    out = CellAugmentation(0.0, 0.5, cell=8)(batch, chance)
    for before, after in zip(batch.inputs, out.inputs, strict=True):
        moves = [
            (down, right)
            for down in range(-16, 17)
            for right in range(-16, 17)
            if torch.equal(_moved(before, down, right, PADDING), after)
        ]
        assert len(moves) == 1
        assert all(by % 8 == 0 for by in moves[0])
    fed = out.network_inputs(torch.device("cpu"))
    torch.testing.assert_close(fed * 255, out.inputs.float())


def _moved(image: torch.Tensor, down: int, right: int, filler: int) -> torch.Tensor:
    side = image.shape[-1]
    padded = torch.nn.functional.pad(image.int(), [side] * 4, value=filler)
    return padded[:, side - down : 2 * side - down, side - right : 2 * side - right].to(image.dtype)
