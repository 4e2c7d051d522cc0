"""Who vouches for an archive: the owner's Ed25519 signature over its manifest and its label versions."""

import json
from collections.abc import Mapping
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.errors import ShardError
from raypp.shards.manifest import Manifest
from raypp.shards.store import Store
from raypp.veil.key import Keyring, VeilKey, fingerprint

SIGNATURE_FILE = "signature.json"
_DOMAIN = b"raypp archive v1\0"
_HEX_32 = "^[0-9a-f]{64}$"


class ArchiveSignature(BaseModel):
    """Content of `signature.json`: public, and the same bytes whenever the same archive is signed.

    The signature is over `raypp archive v1`, a zero byte, and the other fields as JSON with sorted keys and no spaces.

    Attributes:
        public_key: the signer's raw Ed25519 key, hex; it must be the one that the archive's header names.
        manifest: digest of the manifest, which covers the header and, by its receipts, every shard.
        labels: digests of the label versions that the owner wrote, by their names.
        signature: 64 bytes, hex.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    public_key: str = Field(pattern=_HEX_32)
    manifest: str = Field(pattern=_HEX_32)
    labels: dict[str, str]
    signature: str = Field(default="", pattern="^([0-9a-f]{128})?$")

    @property
    def fingerprint(self) -> str:
        """16 hex digits by which people tell keys apart."""
        return fingerprint(bytes.fromhex(self.public_key))

    def message(self) -> bytes:
        """Return what is signed."""
        fields = self.model_dump(mode="json", exclude={"signature"})
        return _DOMAIN + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    def is_true(self) -> bool:
        """Whether the named key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key)).verify(
                bytes.fromhex(self.signature), self.message()
            )
        except InvalidSignature:
            return False
        return True

    def to_bytes(self) -> bytes:
        """Return canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()


def sign_archive(
    store: Store, manifest: Manifest, labels: Mapping[str, str], digests: Mapping[str, str], key: Keyring
) -> ArchiveSignature | None:
    """Sign an archive as it is now; an archive that is signed so already is not written to.

    A site's key cannot sign. Where one has changed an archive, the owner's signature is taken away, since it no longer
    holds.

    Args:
        store: the archive.
        manifest: its manifest.
        labels: digests of the label versions that this job wrote, or found to be what it would write.
        digests: digests of all label versions that are there.
        key: the key that the archive was veiled with.

    Returns:
        The signature, or None if the key cannot sign.
    """
    before = _read_before(store)
    if not isinstance(key, VeilKey):
        if before is not None and before.manifest != manifest.digest:
            store.delete(SIGNATURE_FILE)
            return None
        return before
    kept: dict[str, str] = {}
    if before is not None and before.public_key == key.public_key.hex() and before.is_true():
        # Versions of earlier jobs, as long as they are what was signed then; never one that somebody put there since.
        kept = {name: digest for name, digest in before.labels.items() if digests.get(name) == digest}
    unsigned = ArchiveSignature(
        public_key=key.public_key.hex(), manifest=manifest.digest, labels=dict(sorted((kept | dict(labels)).items()))
    )
    signed = unsigned.model_copy(update={"signature": key.sign(unsigned.message()).hex()})
    if before != signed:
        store.write_atomic(SIGNATURE_FILE, signed.to_bytes())
    return signed


def read_signature(store: Store) -> ArchiveSignature | None:
    """Read the signature of an archive, which may be false; None if it has none.

    Raises:
        ShardError: if it is damaged.
    """
    if not store.exists(SIGNATURE_FILE):
        return None
    try:
        return ArchiveSignature.model_validate_json(store.read(SIGNATURE_FILE))
    except ValidationError:
        raise ShardError(
            f"{SIGNATURE_FILE} of archive {store.root} is damaged or of another raypp; get it anew from its owner"
        ) from None


def _read_before(store: Store) -> ArchiveSignature | None:
    try:
        return read_signature(store)
    except ShardError:
        return None  # the owner signs anew
