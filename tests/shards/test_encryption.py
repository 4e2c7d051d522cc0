import copy
import json
import pickle
import stat
import traceback
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from raypp.errors import KeyFileError, ShardError
from raypp.geometry.boxes import Box
from raypp.shards.encryption import DataKey
from raypp.shards.labels import LabelTable, SampleLabels, read_labels, write_labels
from raypp.shards.manifest import compile_manifest, read_archive_header, read_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from raypp.shards.verification import verify
from tests.shards.archives import VEIL_ID, code_of, header, row, segment, shard_path, write_archive, write_segment


@pytest.fixture(scope="module")
def data_key() -> DataKey:
    return DataKey.generate()


@pytest.fixture
def encrypted(data_key: DataKey, tmp_path: Path) -> Path:
    write_archive(Store(str(tmp_path / "out"), data_key), data_key)
    return tmp_path / "out"


def test_the_right_key_reads_and_verifies(encrypted: Path, data_key: DataKey) -> None:
    ids = [name for batch in ShardReader(str(encrypted), data_key).iterate() for name in batch.column("sample_id")]
    assert ids == [row(number).sample_id for number in range(15)]
    assert verify(str(encrypted), data_key).problems == ()


def test_the_content_digest_is_that_of_the_plain_archive(encrypted: Path, data_key: DataKey, tmp_path: Path) -> None:
    plain = write_archive(Store(str(tmp_path / "plain")))
    mine = ShardReader(str(encrypted), data_key).manifest
    assert [receipt.content_sha256 for receipt in mine.receipts] == [
        receipt.content_sha256 for receipt in plain.receipts
    ]
    assert [receipt.shard_sha256 for receipt in mine.receipts] != [receipt.shard_sha256 for receipt in plain.receipts]


def test_plain_pyarrow_cannot_read_it_and_nothing_of_a_row_shows(encrypted: Path) -> None:
    shard = encrypted / shard_path(0)
    with pytest.raises(OSError, match="encrypted"):
        pq.read_table(shard)
    content = shard.read_bytes()
    for hidden in (row(0).sample_id.encode(), b"gate", b"sample_id", code_of(0, 320, 180).tobytes()[:32]):
        assert hidden not in content


def test_without_the_key_every_reader_asks_for_it(encrypted: Path) -> None:
    for read in (lambda: ShardReader(str(encrypted)), lambda: verify(str(encrypted))):
        with pytest.raises(ShardError, match="is encrypted; give its data key") as caught:
            read()
        assert "remove" not in str(caught.value)


def test_another_key_is_refused_by_name(encrypted: Path) -> None:
    other = DataKey.generate()
    for read in (lambda: ShardReader(str(encrypted), other), lambda: verify(str(encrypted), other)):
        with pytest.raises(ShardError, match="data key does not open the archive"):
            read()


def _labelled(store: Store) -> LabelTable:
    boxes = (Box(0, 0.5, 0.25, 0.125, 0.0625),)
    return write_labels(store, "v1", ("a-secret-tool",), VEIL_ID, [SampleLabels(row(3).sample_id, "train", boxes)])


def test_manifest_and_labels_are_encrypted_too_and_only_the_header_is_open(
    encrypted: Path, data_key: DataKey, tmp_path: Path
) -> None:
    table = _labelled(Store(str(encrypted), data_key))
    hidden = (b"a-secret-tool", row(3).sample_id.encode(), b"video", b"content_sha256", segment(0).encode())
    open_table = tmp_path / "plain"
    write_archive(Store(str(open_table)))
    _labelled(Store(str(open_table)))
    names = ("manifest.parquet", "labels/v1/labels.parquet")
    shown = b"".join((open_table / name).read_bytes() for name in names)
    assert all(word in shown for word in (b"a-secret-tool", b"content_sha256")), "the control"
    for name in names:
        content = (encrypted / name).read_bytes()
        assert not [word for word in hidden if word in content]
        with pytest.raises(OSError, match="encrypted"):
            pq.read_table(encrypted / name)
    assert read_labels(Store(str(encrypted), data_key), "v1") == table
    assert verify(str(encrypted), data_key).label_versions == ("v1",)
    for read in (lambda: read_labels(Store(str(encrypted)), "v1"), lambda: read_manifest(Store(str(encrypted)))):
        with pytest.raises(ShardError, match="is encrypted; give its data key with `data_key`"):
            read()
    assert read_archive_header(Store(str(encrypted))).encrypts_tables


def test_an_open_table_in_an_encrypted_archive_is_somebody_elses(
    encrypted: Path, data_key: DataKey, tmp_path: Path
) -> None:
    store, elsewhere = Store(str(encrypted), data_key), Store(str(tmp_path / "plain"))
    _labelled(store)
    write_archive(elsewhere)
    _labelled(elsewhere)
    reads = {
        "labels/v1/labels.parquet": lambda: read_labels(store, "v1"),
        "manifest.parquet": lambda: read_manifest(store),
    }
    for name, read in reads.items():
        store.write_atomic(name, elsewhere.read(name))
        with pytest.raises(ShardError, match=f"{name} is open in an encrypted archive: somebody without its data key"):
            read()


def test_finishing_again_writes_no_encrypted_table_anew(encrypted: Path, data_key: DataKey) -> None:
    store = Store(str(encrypted), data_key)
    _labelled(store)
    names = ("manifest.parquet", "labels/v1/labels.parquet")
    before = [(encrypted / name).read_bytes() for name in names]
    compile_manifest(store, read_manifest(store).header)
    _labelled(store)
    assert [(encrypted / name).read_bytes() for name in names] == before


def test_an_archive_of_an_older_version_whose_tables_are_open_is_read_and_goes_on(
    data_key: DataKey, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "old"), data_key)
    old = header(encrypted=True).model_copy(update={"schema_version": 2})
    store.write_atomic(HEADER_FILE, old.to_bytes())
    write_segment(store, 0, [row(0)], encryption=data_key, archive=old)
    compile_manifest(store, old)
    _labelled(store)
    assert pq.read_table(tmp_path / "old" / "manifest.parquet").num_rows == 1
    assert pq.read_table(tmp_path / "old" / "labels" / "v1" / "labels.parquet").num_rows == 1
    assert [len(batch) for batch in ShardReader(store.root, data_key).iterate()] == [1]


def test_a_key_file_keeps_to_its_owner_and_comes_back(data_key: DataKey, encrypted: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "data.key"
    data_key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert verify(str(encrypted), DataKey.load(path)).problems == ()
    with pytest.raises(KeyFileError, match=r"data\.key"):
        data_key.save(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"kind": "raypp-data-key"}',
        '{"kind": "raypp-data-key", "secret": "AAAA"}',
        '{"kind": "raypp-data-key", "secret": 5}',
        '{"kind": "other", "secret": "' + "A" * 43 + '="}',
    ],
)
def test_a_file_that_is_no_key_is_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"data\.key is not a raypp data key"):
        DataKey.load(path)


def test_a_changed_letter_is_noticed_and_a_file_of_an_older_version_opens(tmp_path: Path, encrypted: Path) -> None:
    path = tmp_path / "data.key"
    DataKey.generate().save(path)
    document = json.loads(path.read_text())
    secret = document["secret"]
    path.write_text(json.dumps(document | {"secret": ("A" if secret[0] != "A" else "B") + secret[1:]}))
    with pytest.raises(KeyFileError, match="was altered"):
        DataKey.load(path)
    path.write_text(json.dumps({name: value for name, value in document.items() if name != "digest"}))
    DataKey.load(path)


def test_a_key_open_to_others_is_refused_and_shows_nothing(data_key: DataKey, tmp_path: Path) -> None:
    path = tmp_path / "data.key"
    data_key.save(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600") as caught:
        DataKey.load(path)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert json.loads(path.read_text())["secret"] not in shown


def test_a_missing_key_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"none\.key"):
        DataKey.load(tmp_path / "none.key")


def test_a_key_never_shows_and_never_travels(data_key: DataKey) -> None:
    assert repr(data_key) == str(data_key) == "DataKey(secret)"
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="secret"):
            carry(data_key)
