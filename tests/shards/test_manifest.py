import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from raypp.errors import ShardError
from raypp.shards.manifest import compile_manifest, finished_segments, pending_receipts, read_manifest
from raypp.shards.receipt import Quarantined, Receipt
from raypp.shards.schema import METADATA_KEY, ArchiveHeader
from raypp.shards.store import Store
from tests.command import ROOT
from tests.shards.archives import header, row, segment, shard_path, write_archive, write_segment


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "out"))


def _empty_receipt(number: int) -> Receipt:
    return Receipt(
        segment_id=segment(number),
        shard=None,
        shard_sha256="",
        shard_bytes=0,
        content_sha256="",
        frames=0,
        part=0,
        parts=1,
        sources=("broken",),
        first_timestamp_us=None,
        last_timestamp_us=None,
        decoded_digest="00" * 32,
        quarantined=(Quarantined(source="broken", reason="no video in it"),),
        damaged_packets=0,
        veil_id=header().veil_id,
    )


def test_a_receipt_comes_back_and_is_canonical() -> None:
    receipt = _empty_receipt(1)
    assert Receipt.from_bytes(receipt.to_bytes(), "it") == receipt
    shuffled = Receipt.model_validate(dict(reversed(receipt.model_dump().items())))
    assert shuffled.to_bytes() == receipt.to_bytes()
    with pytest.raises(ShardError, match="receipt it is damaged"):
        Receipt.from_bytes(receipt.to_bytes()[:-1], "it")


def test_an_archive_header_comes_back_and_is_canonical() -> None:
    assert ArchiveHeader.from_bytes(header().to_bytes()) == header()
    spec = dict(reversed(header().spec.items()))
    assert header().model_copy(update={"spec": spec}).to_bytes() == header().to_bytes()
    assert header().grid == 8
    with pytest.raises(ShardError, match="there"):
        ArchiveHeader.from_bytes(b'{"veil_id": "short"}', "there")


@pytest.mark.parametrize(
    ("version", "words"),
    [(1, "before the first release and read no more; veil"), (5, "of a newer raypp; install that")],
)
def test_a_header_of_a_version_that_is_not_read_says_so(version: int, words: str) -> None:
    content = json.loads(header().to_bytes()) | {"schema_version": version}
    with pytest.raises(ShardError, match=f"schema version {version} is .*{words}"):
        ArchiveHeader.from_bytes(json.dumps(content).encode(), "there")


def test_the_manifest_is_every_receipt_sorted_and_they_are_gone(store: Store) -> None:
    receipts = {number: write_segment(store, number, [row(number)]) for number in (2, 0, 1)}
    store.write_atomic(f"receipts/{segment(3)}.json", _empty_receipt(3).to_bytes())
    manifest = compile_manifest(store, header())
    assert manifest.receipts == (receipts[0], receipts[1], receipts[2], _empty_receipt(3))
    assert store.listing("receipts") == []
    assert read_manifest(store) == manifest
    assert (
        ArchiveHeader.from_bytes(pq.read_schema(Path(store.root, "manifest.parquet")).metadata[METADATA_KEY])
        == header()
    )


def test_any_order_and_any_number_of_runs_give_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name, runs in (("a", [[0, 1, 2]]), ("b", [[2], [1], [0]]), ("c", [[1, 2], [0, 1]])):
        store = Store(str(tmp_path / name))
        for run in runs:
            for number in run:
                write_segment(store, number, [row(number)])
            compile_manifest(store, header())
        contents.append((store.read("manifest.parquet"), read_manifest(store).digest))
    assert contents[0] == contents[1] == contents[2]


def test_the_digest_sees_header_and_receipts(store: Store) -> None:
    manifest = write_archive(store)
    write_segment(store, 9, [row(99)])
    more = compile_manifest(store, header())
    other = compile_manifest(Store(store.root), header().model_copy(update={"size": 128}))
    assert len({manifest.digest, more.digest, other.digest}) == 3


def test_a_receipt_of_another_veil_is_refused_with_both_ids(store: Store) -> None:
    write_segment(store, 0, [row(0)], archive=header("ef" * 16))
    with pytest.raises(ShardError, match=f"{'ef' * 16}.*{header().veil_id}"):
        compile_manifest(store, header())
    assert len(store.listing("receipts")) == 1


@pytest.mark.parametrize("content", [b"", b"PAR1 not really PAR1"])
def test_a_damaged_manifest_is_one_line(content: bytes, store: Store) -> None:
    write_archive(store)
    store.write_atomic("manifest.parquet", content)
    with pytest.raises(ShardError, match=r"manifest .*manifest\.parquet is damaged"):
        read_manifest(store)


def test_no_manifest_is_one_line(store: Store) -> None:
    with pytest.raises(ShardError, match=r"has no manifest\.parquet.*again"):
        read_manifest(store)


def test_finished_are_those_whose_shard_is_there_at_its_size(store: Store) -> None:
    write_archive(store, segments=3)
    pending = write_segment(store, 7, [row(70)])
    store.write_atomic(f"receipts/{segment(8)}.json", _empty_receipt(8).to_bytes())
    assert set(finished_segments(store)) == {segment(number) for number in (0, 1, 2, 7, 8)}
    store.delete(shard_path(0))
    store.write_atomic(shard_path(1), store.read(shard_path(1))[:-1])
    store.delete(shard_path(7))
    assert set(finished_segments(store)) == {segment(2), segment(8)}
    assert pending in pending_receipts(store)


@pytest.mark.parametrize("point", ["write_atomic", "delete"])
def test_killed_while_compiling_and_run_again(point: str, store: Store, tmp_path: Path) -> None:
    """Killed before the manifest is there, or after the first receipt is deleted."""
    undisturbed = write_archive(Store(str(tmp_path / "undisturbed")))
    for part in range(3):
        write_segment(store, part, [row(part * 5 + number) for number in range(5)], part, 3)
    code = """
import os, sys
from raypp.shards.manifest import compile_manifest
from raypp.shards.store import Store
from tests.shards.archives import header
kept = getattr(Store, sys.argv[2])
def dying(self, *arguments):
    if sys.argv[2] == "delete":
        kept(self, *arguments)
    os._exit(9)
setattr(Store, sys.argv[2], dying)
compile_manifest(Store(sys.argv[1]), header())
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, store.root, point], env=environment, check=False)
    assert done.returncode == 9
    assert len(finished_segments(store)) == 3
    assert compile_manifest(store, header()) == undisturbed
    assert store.listing("receipts") == []
