"""Segments under another key: the same files, under the names that planning them with the new key gives."""

from pydantic import BaseModel, ConfigDict

from raypp.errors import ConflictError
from raypp.ingest.archive_id import pseudonym
from raypp.ingest.segment import Item, Segment
from raypp.ingest.segment_name import name_segment
from raypp.rekey.identities import Identities
from raypp.shards.receipt import Receipt
from raypp.veil.key import VeilKey


class RekeyedSegment(BaseModel):
    """One segment under both keys, and its receipt under the old one."""

    model_config = ConfigDict(frozen=True)

    old: Segment
    new: Segment
    receipt: Receipt


def rekey_segment(segment: Segment, identities: Identities, keys: tuple[VeilKey, VeilKey], *, plain: bool) -> Segment:
    """Name a segment and its sources as a job under the new key does; files of a bucket stand in their new order.

    Args:
        segment: as planned under the old key.
        identities: of its sources.
        keys: the owner's old key, and the new one.
        plain: whether shards name sources as they are, and not by pseudonyms.

    Raises:
        ConflictError: if this version of raypp would not have cut it so.
    """
    old, new = keys
    of_range = len(segment.items) == 1 and segment.segment_id == name_segment(old, segment, of_range=True)
    if not of_range and segment.segment_id != name_segment(old, segment, of_range=False):
        raise ConflictError(
            f"segment {segment.segment_id} is not named as this raypp names segments; veil its sources anew"
        )
    items = sorted((_rekeyed(item, identities, new, plain) for item in segment.items), key=lambda item: item.identity)
    renamed = segment.model_copy(update={"items": tuple(items)})
    return renamed.model_copy(update={"segment_id": name_segment(new, renamed, of_range=of_range)})


def _rekeyed(item: Item, identities: Identities, key: VeilKey, plain: bool) -> Item:
    identity = identities[bytes.fromhex(item.identity)]
    source = item.source if plain else pseudonym(key, item.site, identity)
    return item.model_copy(update={"identity": identity.hex(), "source": source})
