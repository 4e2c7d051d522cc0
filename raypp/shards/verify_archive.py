"""Verification of an archive, its shards checked in this process or on Ray."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from raypp.execution import ExecutionSettings, Executor, On, on_ray
from raypp.io.filesystem import is_url
from raypp.key_sources.place import KeyPlace
from raypp.progress import SILENT, Progress
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import read_manifest
from raypp.shards.receipt import Receipt
from raypp.shards.store import Store
from raypp.shards.verification import ShardCheck, VerificationReport, verify
from raypp.shards.vouching import check_fingerprint

_BYTES_PER_S = 80e6
"""About what one core checks; see docs/contributing/decisions/where-work-runs.md."""

ShardChecker = Executor[[str, Sequence[Receipt], KeyPlace | None], Iterable[ShardCheck]]
"""Checks the shards of receipts of (archive, receipts, data key)."""


def verify_archive(
    archive: str,
    data_key_path: KeyPlace | None = None,
    fingerprint: str | None = None,
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
) -> VerificationReport:
    """Check every receipt, shard, digest, schema, label and the signature of an archive.

    Args:
        archive: folder or URL.
        data_key_path: data key of encrypted shards.
        fingerprint: of the key that must have signed the archive; None for any, or none.
        execution: where shards are checked; by default where it ends sooner.
        progress: is told how far it is.

    Raises:
        OptionError: if the fingerprint is none, or the place cannot be.
        ShardError: if there is no readable manifest, or the shards are encrypted and no key was given.
    """
    execution = execution or ExecutionSettings()
    execution.check()
    wanted = check_fingerprint(fingerprint) if fingerprint else None
    encryption = DataKey.load(data_key_path) if data_key_path else None
    receipts = [receipt for receipt in read_manifest(Store(archive, encryption)).receipts if receipt.shard]
    seconds = sum(receipt.shard_bytes for receipt in receipts) / _BYTES_PER_S

    def check(of: Sequence[Receipt]) -> Iterable[ShardCheck]:
        execute: ShardChecker = on_ray("verify", execution)
        place = archive if is_url(archive) else str(Path(archive).absolute())
        return execute(place, of, data_key_path.absolute() if data_key_path else None)

    elsewhere = execution.choose(len(receipts), seconds) is On.RAY
    with progress.task("checking", len(receipts)) as advance:
        return verify(
            archive,
            encryption,
            lambda done, total: advance(1, f"{done}/{total} shards", 0),
            check if elsewhere else None,
            wanted,
        )
