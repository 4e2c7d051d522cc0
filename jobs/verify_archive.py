"""Verify an archive on Ray: each shard checked where there is room, all of them held against one another here.

Example:
    ray job submit --working-dir . -- python -m jobs.verify_archive /veiled
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ray
from pydantic import TypeAdapter

from jobs.cluster import connect, refuse_key_in_working_dir
from jobs.command import run_job
from raypp.cli.verify import verify
from raypp.execution import ExecutionSettings
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import read_manifest
from raypp.shards.receipt import Receipt
from raypp.shards.store import Store
from raypp.shards.verification import ShardCheck, check_shard

_CHECK = TypeAdapter(ShardCheck)


def check_on_ray(
    root: str, receipts: Sequence[Receipt], data_key: Path | None, execution: ExecutionSettings
) -> Iterator[ShardCheck]:
    """Check the shards of receipts on a Ray cluster, in any order."""
    if not receipts:
        return
    connect(execution.address, pools=True)
    rows = [{"receipt": receipt.to_bytes().decode()} for receipt in receipts]
    checked = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _Check,  # type: ignore[arg-type]  # Ray takes a class, whose instances map rows
        fn_constructor_args=(root, data_key),
        concurrency=_room(len(rows)),
        num_cpus=0.9,
    )
    for row in checked.iter_rows():
        yield _CHECK.validate_json(row["check"])


class _Check:
    """Holds the opened archive of a worker, and checks shard after shard."""

    def __init__(self, root: str, data_key: Path | None) -> None:
        self._data_key = DataKey.load(data_key) if data_key else None
        self._store = Store(root, self._data_key)
        self._header = read_manifest(self._store).header

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        receipt = Receipt.from_bytes(row["receipt"], "receipt")
        check = check_shard(self._store, self._header, self._data_key, receipt)
        return {"check": _CHECK.dump_json(check).decode()}


def _room(shards: int) -> int:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, min(shards, int(resources.get("CPU", 1))))


def main() -> None:
    """Run the command on the cluster that this process was submitted to, or on a local Ray."""
    run_job(verify, "verify", check_on_ray, before=refuse_key_in_working_dir)


if __name__ == "__main__":
    main()
