import copy
import json
import pickle
import stat
import traceback
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from raypp.errors import KeyFileError, ShardError
from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.shards.verification import verify
from tests.shards.archives import code_of, row, shard_path, write_archive


@pytest.fixture(scope="module")
def data_key() -> DataKey:
    return DataKey.generate()


@pytest.fixture
def encrypted(data_key: DataKey, tmp_path: Path) -> Path:
    write_archive(Store(str(tmp_path / "out")), data_key)
    return tmp_path / "out"


def test_the_right_key_reads_and_verifies(encrypted: Path, data_key: DataKey) -> None:
    ids = [name for batch in ShardReader(str(encrypted), data_key).iterate() for name in batch.column("sample_id")]
    assert ids == [row(number).sample_id for number in range(15)]
    assert verify(str(encrypted), data_key).problems == ()


def test_the_content_digest_is_that_of_the_plain_archive(encrypted: Path, data_key: DataKey, tmp_path: Path) -> None:
    plain = write_archive(Store(str(tmp_path / "plain")))
    mine = ShardReader(str(encrypted), data_key).manifest
    assert [one.content_sha256 for one in mine.receipts] == [one.content_sha256 for one in plain.receipts]
    assert [one.shard_sha256 for one in mine.receipts] != [one.shard_sha256 for one in plain.receipts]


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
    with pytest.raises(ShardError, match="data key does not open the shard"):
        list(ShardReader(str(encrypted), other).iterate())
    problems = verify(str(encrypted), other).problems
    assert len(problems) >= 3
    assert all("data key does not open" in line for line in problems[:3])


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
