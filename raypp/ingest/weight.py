"""What a segment will come to: its part of what each of its sources will."""

from raypp.ingest.expectation import expected_frames, expected_seconds
from raypp.ingest.segment import Item, Segment
from raypp.ingest.settings import VeilSettings

_PACE_PIXELS = 1280 * 720


def segment_frames(segment: Segment, settings: VeilSettings) -> float:
    """How many frames a segment will have."""
    return sum(_share(segment, item) * expected_frames(item, settings) for item in segment.items)


def segment_seconds(segment: Segment, settings: VeilSettings) -> float:
    """About how long one core takes for a segment; frames larger than those of the paces take as much longer."""
    return sum(_share(segment, item) * _size(item) * expected_seconds(item, settings) for item in segment.items)


def _size(item: Item) -> float:
    return 1.0 if item.info is None else max(1.0, item.info.width * item.info.height / _PACE_PIXELS)


def _share(segment: Segment, item: Item) -> float:
    """Part of a source that a segment covers."""
    if item.info is None or segment.parts == 1:
        return 1.0
    covered = min(segment.end_us, item.info.duration_us) - segment.start_us
    return max(0.0, covered / max(item.info.duration_us, 1))
