from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raypp.errors import ConflictError, LabelError, ShardError
from raypp.geometry.boxes import Box
from raypp.shards.label_index import LabelIndex
from raypp.shards.labels import (
    LabelTable,
    SampleLabels,
    dataset_version,
    list_versions,
    only_version,
    read_labels,
    write_labels,
)
from raypp.shards.store import Store
from tests.shards.archives import VEIL_ID, write_archive

CLASSES = ("hammer", "saw")
_FRACTION = st.floats(0, 1)
_BOXES = st.builds(Box, st.integers(0, 1), _FRACTION, _FRACTION, _FRACTION, _FRACTION)
_LABELS = st.lists(
    st.builds(
        SampleLabels,
        sample_id=st.text("0123456789abcdef", min_size=32, max_size=32),
        split=st.sampled_from(["train", "val", "unsplit"]),
        boxes=st.lists(_BOXES, max_size=4).map(tuple),
        variant=st.integers(0, 16),
    ),
    max_size=8,
    unique_by=lambda label: label.sample_id,
)
ROWS = (
    SampleLabels("b" * 32, "val", ()),
    SampleLabels("a" * 32, "train", (Box(1, 0.5, 0.25, 0.1, 0.2), Box(0, 0.1, 0.1, 0.1, 0.1))),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_LABELS, data=st.data())
def test_any_table_comes_back_sorted_whatever_its_order(
    rows: list[SampleLabels], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(str(tmp_path_factory.mktemp("labels")))
    written = write_labels(store, "v1", CLASSES, VEIL_ID, rows)
    content = store.read("labels/v1/labels.parquet")
    assert write_labels(store, "v1", CLASSES, VEIL_ID, data.draw(st.permutations(rows))) == written
    assert store.read("labels/v1/labels.parquet") == content
    read = read_labels(store, "v1")
    assert read == written
    assert read.digest == written.digest
    assert list(read.rows) == sorted(rows, key=lambda label: label.sample_id)


def test_the_digest_is_that_of_the_first_release_however_many_rows_there_are(store: Store) -> None:
    rows = [
        SampleLabels(f"{number:032x}", "train", (Box(number % 2, 0.5, 0.25, 0.1, number / 9999),) * (number % 3))
        for number in range(9999)
    ]
    first = "f7b0b3d6561f4065e4372e520ae919b580c7cc802dfb9910c90f5337624cac76"
    many = "145270ed6065c4d5cec33adb116a25fe56ef8366c03bf205362990b23d1a6e59"
    none = "db09ab62f2d349772cda7538dae7d6c6d413746a3506ec7a86cece97a1b7f67d"
    for number, (labels, digest) in enumerate(((ROWS, first), (rows, many), ((), none))):
        assert write_labels(store, f"v{number + 1}", CLASSES, VEIL_ID, labels).digest == digest


def test_a_version_is_never_changed(store: Store) -> None:
    write_labels(store, "v1", CLASSES, VEIL_ID, ROWS)
    before = store.read("labels/v1/labels.parquet")
    for classes, rows in ((("saw", "hammer"), ROWS), (CLASSES, ROWS[:1]), (CLASSES, ())):
        with pytest.raises(ConflictError, match="v1 exists with other content"):
            write_labels(store, "v1", classes, VEIL_ID, rows)
    assert store.read("labels/v1/labels.parquet") == before


def test_the_same_labels_in_bytes_of_another_parquet_writer_are_the_same_labels(store: Store) -> None:
    """A newer library may write other bytes; that makes neither a conflict nor another dataset version."""
    written = write_labels(store, "v1", CLASSES, VEIL_ID, ROWS)
    before = store.read("labels/v1/labels.parquet")
    table = pq.read_table(Path(store.root, "labels/v1/labels.parquet"))
    pq.write_table(table, Path(store.root, "labels/v1/labels.parquet"), compression="none", use_dictionary=False)
    assert store.read("labels/v1/labels.parquet") != before
    assert write_labels(store, "v1", CLASSES, VEIL_ID, ROWS) == written
    assert read_labels(store, "v1").digest == written.digest


@pytest.mark.parametrize("version", ["", "a/b", "..", ".hidden", "a\\b", "a\0b"])
def test_a_version_that_is_no_plain_name_is_refused(version: str, store: Store) -> None:
    with pytest.raises(LabelError, match="plain name"):
        write_labels(store, version, CLASSES, VEIL_ID, ROWS)
    assert list_versions(store) == []


def test_a_class_out_of_range_and_a_sample_twice_are_refused_by_name(store: Store) -> None:
    with pytest.raises(LabelError, match=rf"{'a' * 32}: class 1 of 1"):
        write_labels(store, "v1", CLASSES[:1], VEIL_ID, ROWS)
    with pytest.raises(LabelError, match="b" * 32 + " twice"):
        write_labels(store, "v1", CLASSES, VEIL_ID, (*ROWS, ROWS[0]))
    assert list_versions(store) == []


def test_a_missing_version_names_those_there_are(store: Store) -> None:
    for version in ("v2", "v1"):
        write_labels(store, version, CLASSES, VEIL_ID, ROWS)
    assert list_versions(store) == ["v1", "v2"]
    with pytest.raises(ShardError, match="no label version v3; there are: v1, v2"):
        read_labels(store, "v3")


def test_the_one_version_is_found_and_none_or_several_say_what_to_do(store: Store) -> None:
    assert only_version("a", ["v1"]) == "v1"
    with pytest.raises(LabelError, match=r"a has no labels yet; .* `raypp veil` again \(docs/reference/labels\.md\)"):
        only_version("a", [])
    with pytest.raises(LabelError, match="label versions v1, v2; choose one by `labels_version`"):
        only_version("a", ["v1", "v2"])


def test_a_damaged_table_is_named(store: Store) -> None:
    write_labels(store, "v1", CLASSES, VEIL_ID, ROWS)
    content = store.read("labels/v1/labels.parquet")
    foreign = pa.BufferOutputStream()
    pq.write_table(pa.table({"other": [1]}), foreign)
    for damaged in (b"", content[:-10], foreign.getvalue().to_pybytes()):
        store.write_atomic("labels/v1/labels.parquet", damaged)
        with pytest.raises(ShardError, match=r"labels/v1/labels\.parquet is damaged"):
            read_labels(store, "v1")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sample_id", None),
        ("split", None),
        ("variant", None),
        ("boxes", None),
        ("boxes", [None]),
        ("boxes", [{"class_id": 2, "x": 0.5, "y": 0.5, "w": 0.1, "h": 0.1}]),
        ("boxes", [{"class_id": -1, "x": 0.5, "y": 0.5, "w": 0.1, "h": 0.1}]),
        ("boxes", [{"class_id": 0, "x": float("nan"), "y": 0.5, "w": 0.1, "h": 0.1}]),
        ("boxes", [{"class_id": 0, "x": 0.5, "y": 0.5, "w": 0.1, "h": 1.5}]),
        ("boxes", [{"class_id": 0, "x": 0.5, "y": None, "w": 0.1, "h": 0.5}]),
    ],
)
def test_a_table_of_others_with_a_value_that_no_label_has_is_damaged(store: Store, column: str, value: object) -> None:
    write_labels(store, "v1", CLASSES, VEIL_ID, ROWS)
    path = Path(store.root, "labels/v1/labels.parquet")
    table = pq.read_table(path)
    place = table.schema.get_field_index(column)
    values = pa.array([table[column][0].as_py(), value], type=table.schema.field(column).type)
    pq.write_table(table.set_column(place, table.schema.field(column), values), path)
    with pytest.raises(ShardError, match=r"labels/v1/labels\.parquet is damaged"):
        read_labels(store, "v1")


@settings(max_examples=60, deadline=None)
@given(
    labelled=st.lists(st.text(max_size=5), max_size=12),
    wanted_names=st.lists(st.text(max_size=6), max_size=12),
    data=st.data(),
)
def test_labels_are_found_by_sample_in_tables_of_any_order(
    labelled: list[str], wanted_names: list[str], data: st.DataObject
) -> None:
    """Beside a dict: of a sample that others labelled twice, the last row counts; names may be of any length."""
    names = [name.replace("\0", "") for name in labelled]
    wanted = data.draw(st.permutations([*(name.replace("\0", "") for name in wanted_names), *names]))
    columns = pa.table({"sample_id": pa.array(names, pa.string())})
    rows = {name: number for number, name in enumerate(names)}
    labelled_places, places = LabelIndex(LabelTable("v1", CLASSES, VEIL_ID, columns)).find(
        pa.array(wanted, pa.string())
    )
    assert labelled_places.tolist() == [number for number, name in enumerate(wanted) if name in rows]
    assert places.tolist() == [rows[name] for name in wanted if name in rows]


def test_relabelling_leaves_the_shards_alone_and_makes_another_dataset_version(store: Store) -> None:
    manifest = write_archive(store)
    shards = {name: store.read(name) for name in store.listing("shards")}
    names = {
        dataset_version(manifest, write_labels(store, version, CLASSES, VEIL_ID, rows))
        for version, rows in (("v1", ROWS), ("v2", ROWS[:1]))
    }
    assert len(names) == 2
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in names)
    assert dataset_version(manifest, read_labels(store, "v1")) in names
    assert {name: store.read(name) for name in store.listing("shards")} == shards
