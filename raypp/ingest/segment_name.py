"""Names of segments, a pure function of what they cover; as `raypp.ingest.cutting` gives them."""

from raypp.ingest.archive_id import segment_id
from raypp.ingest.segment import Segment
from raypp.veil.key import Keyring


def name_segment(key: Keyring, segment: Segment, *, of_range: bool) -> str:
    """Name a segment, 32 hex digits.

    Args:
        key: whose names they are.
        segment: its sources and times; the name that it has is not looked at.
        of_range: whether it is a range of a long video, which is named by its ends, too; else a bucket of files.
    """
    parts = [bytes.fromhex(item.identity) for item in segment.items]
    if of_range:
        parts.append(b"%d-%d" % (segment.start_us, segment.end_us))
    views = segment.items[0].views
    if views is not None and views.word is not None:
        parts.append(views.word.encode())
    return segment_id(key, segment.items[0].site, *parts)
