"""What a source will come to, by what its container says: frames, bytes and seconds."""

from raypp.geometry.window import Window
from raypp.ingest.segment import Item
from raypp.ingest.settings import VeilSettings
from raypp.veil.packing import packed_size

_DECODED_PER_S, _VEILED_PER_S = 150.0, 250.0
"""Frames a second of one core, 1280x720; see docs/contributing/decisions/where-work-runs.md."""
_IMAGE = (1600, 1200)
"""Pixels of an image, which nobody looked at before it is veiled."""


def frame_bytes(settings: VeilSettings, width: int, height: int) -> int:
    """Packed bytes of one veiled frame of a source of this size."""
    window = Window(settings.size, settings.spec.patch, width, height)
    return packed_size(settings.spec.channels * window.rows * window.columns, settings.spec.bits)


def expected_frames(item: Item, settings: VeilSettings) -> float:
    """How many frames of a source will be veiled, by what its container says; each view of a frame is one."""
    return _sampled(item, settings) * len(item.all_views)


def expected_seconds(item: Item, settings: VeilSettings) -> float:
    """About how long one core decodes and veils a source: a video is decoded whole, however few frames are sampled."""
    decoded = _sampled(item, settings)
    if item.info is not None and not settings.keyframes:
        decoded = max(decoded, float(item.info.average_rate) * item.info.duration_us / 1e6)
    return decoded / _DECODED_PER_S + expected_frames(item, settings) * (1 + item.variants) / _VEILED_PER_S


def expected_bytes(item: Item, settings: VeilSettings) -> float:
    """About how many bytes a source's codes will take, variants and all."""
    shown = (item.info.width, item.info.height) if item.info else _IMAGE
    shapes = [view.rectangle.shape(*shown) if view.rectangle else shown for view in item.all_views]
    each = sum(frame_bytes(settings, max(width, 1), max(height, 1)) for width, height in shapes)
    return _sampled(item, settings) * (1 + item.variants) * each


def _sampled(item: Item, settings: VeilSettings) -> float:
    if item.info is None:
        return 1.0
    if settings.keyframes and item.info.keyframes_us:
        return float(len(item.info.keyframes_us))
    rate = float(item.info.average_rate)
    if settings.fps is not None:
        rate = min(rate, float(settings.fps))
    return max(1.0, rate * item.info.duration_us / 1e6)
