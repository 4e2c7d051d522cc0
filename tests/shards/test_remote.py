import json
import time
from collections.abc import Iterator

import pytest

from raypp.errors import ConflictError, ShardError
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.shards.verification import verify
from raypp.sql.archive_views import ArchiveRows
from raypp.sql.engine import SqlEngine
from raypp.sql.results import rows_of
from tests.shards.archives import row, shard_path, write_archive

BUCKET = "veiled-archives"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server_module = pytest.importorskip("moto.server", reason="needs moto's S3 server")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Store:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    from pyarrow import fs

    fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    ).create_dir(BUCKET)
    return Store(f"s3://{BUCKET}/{request.node.name}")


def test_an_archive_on_an_object_store_reads_and_verifies(store: Store) -> None:
    write_archive(store)
    assert verify(store.root).problems == ()
    assert verify(store.root + "/").problems == ()
    ids = [name for batch in ShardReader(store.root).iterate() for name in batch.column("sample_id")]
    assert ids == [row(number).sample_id for number in range(15)]
    assert store.listing("shards") == [shard_path(number) for number in range(3)]


def test_an_object_appears_only_when_its_block_ends_well(store: Store) -> None:
    with store.create("one") as file:
        file.write(b"content")
        assert not store.exists("one")
    assert store.read("one") == b"content"
    with pytest.raises(KeyError), store.create("two") as file:
        file.write(b"half")
        raise KeyError
    assert not store.exists("two")
    assert store.listing("") == ["one"]


def test_tampering_on_an_object_store_is_found(store: Store) -> None:
    write_archive(store)
    store.delete(shard_path(0))
    store.write_atomic(shard_path(1), store.read(shard_path(1))[:-1] + b"?")
    problems = verify(store.root).problems
    assert len(problems) == 2
    assert shard_path(0) in problems[0]
    assert shard_path(1) in problems[1]


def test_the_lock_is_an_object_that_goes_stale(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.lock():
        with pytest.raises(ConflictError, match="is held by process"), Store(store.root).lock():
            pass
        monkeypatch.setattr("raypp.shards.store._REMOTE_LOCK_STALE_S", 0.0)
        successor = Store(store.root).lock()
        successor.__enter__()
    assert store.exists(".lock")  # the first job ended, and left the lock of the one that took over
    successor.__exit__(None, None, None)
    assert not store.exists(".lock")


def test_a_lock_is_renewed_while_its_job_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypp.shards.store._REMOTE_LOCK_BEAT_S", 0.05)
    with store.lock():
        length = store.size(".lock")
        first = json.loads(store.read(".lock"))["time"]
        deadline = time.monotonic() + 20
        while json.loads(store.read(".lock"))["time"] == first and time.monotonic() < deadline:
            time.sleep(0.02)
        assert json.loads(store.read(".lock"))["time"] > first
        assert store.size(".lock") == length, (
            "a reader between two renewals would read the one cut to the other's length"
        )
    assert not store.exists(".lock")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"time": "now"}'])
def test_a_lock_that_means_nothing_holds_nobody_up(content: bytes, store: Store) -> None:
    store.write_atomic(".lock", content)
    with store.lock():
        assert json.loads(store.read(".lock"))["pid"]


def test_a_bucket_that_is_not_there_is_one_line(store: Store) -> None:
    with pytest.raises(ShardError, match=r"s3://no-such-bucket") as caught:
        Store("s3://no-such-bucket/out").write_atomic("one", b"x")
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_one_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    silent = Store(f"s3://{BUCKET}/out")
    with pytest.raises(ShardError, match=f"cannot reach s3://{BUCKET}/out") as caught:
        silent.exists("veil.json")
    assert "\n" not in str(caught.value)


def test_sql_reads_it_and_no_row_has_the_password_of_its_url(store: Store, endpoint: str) -> None:
    write_archive(store)
    host = endpoint.removeprefix("http://")
    place = f"{store.root.replace('://', '://testing:testing@')}?region=us-east-1&scheme=http&endpoint_override={host}"
    frames = sum(receipt.frames for receipt in ShardReader(store.root).manifest.receipts)
    for root in (store.root, place):
        with SqlEngine(ArchiveRows([root], None).views()) as engine:
            rows = rows_of(engine.run("select archive, count(*), count(code) from frames group by archive"))
            ((archive, *counts),) = rows
        assert counts == [frames, frames]
        assert archive.startswith(store.root)
        assert "testing" not in archive
