"""The owner's last signature, kept on the owner's side: the next job signs only what this one left."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.errors import ConflictError, ShardError
from raypp.io.private import write_private
from raypp.shards.manifest import MANIFEST_FILE, pending_receipts, read_manifest
from raypp.shards.signature import ArchiveSignature, read_signature
from raypp.shards.store import Store
from raypp.veil.key import Keyring, VeilKey

SIGNED_FILE = "signed.json"


class _Signed(BaseModel):
    """Content of the file: the digest of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: str


def check_as_left(store: Store, private: Path, key: Keyring) -> None:
    """Refuse an archive that somebody altered since the last job here signed it: this job would sign that, too.

    A signature by another job of the same key is taken meanwhile, and so is what a stopped job here left.

    Args:
        store: the archive, whose lock is held.
        private: the owner's side of it.
        key: signs it.

    Raises:
        ConflictError: if it was altered.
        ShardError: if its manifest is damaged.
    """
    path = private / SIGNED_FILE
    if not isinstance(key, VeilKey) or not path.exists():
        return
    try:
        left = _Signed.model_validate_json(path.read_bytes()).manifest
    except ValidationError:
        left = ""
    is_there = store.exists(MANIFEST_FILE)
    digest = read_manifest(store).digest if is_there else ""
    if not pending_receipts(store) and (not is_there or digest == left or _is_signed(store, digest, key)):
        return
    raise ConflictError(
        f"output {store.root} is not as the last job here left it: it was altered since, or another job was stopped in "
        f"it. Run `raypp verify {store.root}`; if what is there is yours, remove {path}, and this job signs it"
    )


def forget_signed(private: Path) -> None:
    """Note that a job is altering the archive: until it has signed, nothing is known of it."""
    (private / SIGNED_FILE).unlink(missing_ok=True)


def keep(private: Path, signature: ArchiveSignature) -> None:
    """Note what a job has signed."""
    write_private(private / SIGNED_FILE, _Signed(manifest=signature.manifest).model_dump_json().encode())


def _is_signed(store: Store, manifest: str, key: VeilKey) -> bool:
    try:
        signature = read_signature(store)
    except ShardError:
        return False
    if signature is None or (signature.public_key, signature.manifest) != (key.public_key.hex(), manifest):
        return False
    return signature.is_true()
