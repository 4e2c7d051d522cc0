from pathlib import Path

import numpy as np
import pytest

from raypp.errors import ShardError
from raypp.geometry.boxes import Box
from raypp.geometry.window import Window
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.manifest import compile_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from tests.shards.archives import (
    CHANNELS,
    PATCH,
    SIZE,
    VEIL_ID,
    code_of,
    header,
    row,
    shard_path,
    write_archive,
    write_segment,
)

SHAPES = ((320, 180), (180, 320), (64, 64), (1, 1000), (641, 480))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "out"))


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_codes_lie_in_their_window_of_the_square_and_are_0_outside(batch_size: int, store: Store) -> None:
    shapes = [SHAPES[number % len(SHAPES)] for number in range(12)]
    write_segment(store, 0, [row(number, width=w, height=h) for number, (w, h) in enumerate(shapes)])
    compile_manifest(store, header())
    batches = list(ShardReader(store.root).iterate(batch_size=batch_size))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    codes_NCGG = np.concatenate([batch.codes() for batch in batches])
    assert codes_NCGG.dtype == np.uint8
    assert codes_NCGG.shape == (12, CHANNELS, SIZE // PATCH, SIZE // PATCH)
    for number, (width, height) in enumerate(shapes):
        window = Window(SIZE, PATCH, width, height)
        expected = np.zeros((CHANNELS, SIZE // PATCH, SIZE // PATCH), np.uint8)
        top, left = window.row_offset, window.column_offset
        expected[:, top : top + window.rows, left : left + window.columns] = code_of(number, width, height)
        np.testing.assert_array_equal(codes_NCGG[number], expected)


def test_columns_come_in_manifest_order(store: Store) -> None:
    write_archive(store)
    reader = ShardReader(store.root)
    batches = list(reader.iterate(columns=("sample_id", "captured_at_us"), batch_size=2))
    assert [name for batch in batches for name in batch.column("sample_id")] == [row(n).sample_id for n in range(15)]
    assert batches[0].rows.schema.names == ["sample_id", "captured_at_us"]
    assert batches[0].rows.column("captured_at_us").to_pylist() == [row(0).captured_at_us, None]
    assert reader.header == header()


def test_labelled_gives_the_labelled_frames_with_their_labels(store: Store) -> None:
    write_archive(store)
    rows = [SampleLabels(row(n).sample_id, "train", (Box(0, 0.5, 0.5, n / 100, 0.1),)) for n in (12, 1, 3)]
    rows.append(SampleLabels(row(7).sample_id, "val", ()))
    write_labels(store, "v1", ("saw",), VEIL_ID, rows)
    rows_read = {}
    for batch, labels in ShardReader(store.root).labelled("v1", columns=("code", "width", "height"), batch_size=2):
        for name, code, label in zip(batch.column("sample_id"), batch.codes(), labels, strict=True):
            assert label.sample_id == name
            rows_read[name] = (code, label)
    assert {name: label for name, (_, label) in rows_read.items()} == {
        label_row.sample_id: label_row for label_row in rows
    }
    np.testing.assert_array_equal(
        rows_read[row(3).sample_id][0][rows_read[row(3).sample_id][0] > 0], code_of(3, 320, 180).reshape(-1)
    )


def test_a_shard_of_another_veil_is_refused_with_both_ids(store: Store) -> None:
    write_archive(store)
    foreign = Store(store.root + "-foreign")
    write_segment(foreign, 1, [row(1)], archive=header("ef" * 16))
    store.write_atomic(shard_path(1), foreign.read(shard_path(1)))
    with pytest.raises(ShardError, match=f"{shard_path(1)} is of veil {'ef' * 16}, its archive of {VEIL_ID}"):
        list(ShardReader(store.root).iterate())


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_truncated_shard_is_named_in_one_line(keep: int, store: Store) -> None:
    write_archive(store)
    store.write_atomic(shard_path(2), store.read(shard_path(2))[:keep])
    with pytest.raises(ShardError, match=shard_path(2)) as caught:
        list(ShardReader(store.root).iterate())
    assert "\n" not in str(caught.value)


def test_a_missing_shard_is_named(store: Store) -> None:
    write_archive(store)
    store.delete(shard_path(1))
    with pytest.raises(ShardError, match=shard_path(1)):
        list(ShardReader(store.root).iterate())


def test_a_code_that_does_not_fit_its_frame_is_an_error(store: Store) -> None:
    write_segment(store, 0, [row(0, code=b"short")])
    compile_manifest(store, header())
    with pytest.raises(ShardError, match="does not fit its frame of 320x180"):
        [batch.codes() for batch in ShardReader(store.root).iterate()]
