"""An order to forget: what is to be taken out of which segments, as the owner signs it for those who hold copies."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import ConflictError, OptionError
from raypp.shards.signature import ArchiveSignature
from raypp.veil.key import FINGERPRINT_HEX, fingerprint
from raypp.veil.signed import SignedDocument

_Name = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_KEY_HEX = 64


class SegmentChange(BaseModel):
    """A segment of which something is forgotten.

    Attributes:
        segment_id: its name so far.
        content: digest of its rows so far, as its receipt has it; empty without a shard.
        becomes: its name from now on, which is another one where whole sources go; None where nothing is left.
        sources: names of the sources that are left.
        sample_ids: frames and variants that are forgotten.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_id: _Name
    content: _Digest | Literal[""]
    becomes: _Name | None
    sources: tuple[str, ...]
    sample_ids: tuple[_Name, ...]


class ArchiveAfter(BaseModel):
    """The owner's archive after it: the digest of its manifest, and its signature, if it has one.

    A copy that was the same before is the same afterwards, unless it is encrypted, and takes the signature over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: _Digest
    signature: ArchiveSignature | None


class ForgetOrder(SignedDocument):
    """An order to forget. It names no plain source, and the frames by their pseudonyms alone.

    Attributes:
        veil_id: veil of the archive.
        manifest: digest of the manifest of the owner's archive before.
        ordered_at: when, ISO 8601 in UTC.
        changes: of segments, in the order of their names.
        after: the owner's archive afterwards; None until the owner has done it.
    """

    domain: ClassVar[bytes] = b"raypp forget order v1"
    what: ClassVar[str] = "order to forget"

    kind: Literal["raypp-forget-order"] = "raypp-forget-order"
    version: Literal[1] = 1
    veil_id: _Name
    manifest: _Digest
    ordered_at: str
    changes: tuple[SegmentChange, ...]
    after: ArchiveAfter | None = None

    @property
    def name(self) -> str:
        """SHA-256 of what is ordered, hex: the same before the owner has done it, and for whoever holds a copy."""
        return self.model_copy(update={"after": None}).digest

    @property
    def sample_ids(self) -> frozenset[str]:
        """All frames and variants that are forgotten."""
        return frozenset(sample for change in self.changes for sample in change.sample_ids)


def read_order(path: Path, owner: str) -> ForgetOrder:
    """Read an order that its owner has signed.

    Args:
        path: the file.
        owner: the owner's public key, 64 hex digits, or its fingerprint, 16.

    Raises:
        OptionError: if `owner` is neither.
        ShardError: if it is no order.
        ConflictError: if its signature is false, or another owner's.
    """
    wanted = _fingerprint_of(owner)
    order = ForgetOrder.read(path)
    if not order.is_true():
        raise ConflictError(
            f"order {path} is not as it was signed: it was altered, or its signature is false; nothing was forgotten; "
            "get it anew from its owner"
        )
    if order.fingerprint != wanted:
        raise ConflictError(
            f"order {path} is signed by {order.fingerprint}, not by {wanted}; nothing was forgotten; "
            "take orders of your archive's owner alone"
        )
    return order


def check_order(order: ForgetOrder, veil_id: str, public_key: str, archive: str) -> None:
    """Refuse an order that is of another archive's owner or veil; raises ConflictError.

    Args:
        order: as it was read.
        veil_id: of the archive.
        public_key: of the archive's owner, hex.
        archive: its place, for messages.
    """
    if order.veil_id != veil_id:
        raise ConflictError(
            f"the order names sample_ids of veil {order.veil_id}, and archive {archive} is of veil {veil_id}: under "
            "another key, as after `raypp rekey`, frames have other sample_ids; nothing was forgotten; "
            "ask the owner for an order on this archive"
        )
    if order.public_key != public_key:
        theirs = fingerprint(bytes.fromhex(public_key))
        raise ConflictError(
            f"the order is signed by {order.fingerprint}, and archive {archive} belongs to {theirs}; "
            "nothing was forgotten; take orders of your archive's owner alone"
        )


def _fingerprint_of(owner: str) -> str:
    text = owner.strip().lower()
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(text) == _KEY_HEX and len(raw) == _KEY_HEX // 2:
        return fingerprint(raw)
    if len(text) == FINGERPRINT_HEX and len(raw) == FINGERPRINT_HEX // 2:
        return text
    raise OptionError(
        f"`owner_public_key` {owner} is no public key; give its {_KEY_HEX} hex digits, or its fingerprint of "
        f"{FINGERPRINT_HEX}, which `raypp inspect owner.key` prints"
    )
