"""What a source will come to, by what its container says: frames, bytes and seconds."""

from raypp.geometry.window import Window
from raypp.ingest.segment import Item
from raypp.ingest.settings import VeilSettings
from raypp.veil.packing import packed_size

_DECODED_PER_S, _VEILED_PER_S = 150.0, 250.0
"""Frames a second of one core, 1280x720; see docs/contributing/decisions/where-work-runs.md."""


def frame_bytes(settings: VeilSettings, width: int, height: int) -> int:
    """Packed bytes of one veiled frame of a source of this size."""
    window = Window(settings.size, settings.spec.patch, width, height)
    return packed_size(settings.spec.channels * window.rows * window.columns, settings.spec.bits)


def expected_frames(item: Item, settings: VeilSettings) -> float:
    """How many frames of a source will be sampled, by what its container says."""
    if item.info is None:
        return 1.0
    if settings.keyframes and item.info.keyframes_us:
        return float(len(item.info.keyframes_us))
    rate = float(item.info.average_rate)
    if settings.fps is not None:
        rate = min(rate, float(settings.fps))
    return max(1.0, rate * item.info.duration_us / 1e6)


def expected_seconds(item: Item, settings: VeilSettings) -> float:
    """About how long one core decodes and veils a source: a video is decoded whole, however few frames are sampled."""
    decoded = sampled = expected_frames(item, settings)
    if item.info is not None and not settings.keyframes:
        decoded = max(sampled, float(item.info.average_rate) * item.info.duration_us / 1e6)
    return decoded / _DECODED_PER_S + sampled * (1 + item.variants) / _VEILED_PER_S


def expected_bytes(item: Item, settings: VeilSettings) -> float:
    """About how many bytes a source's codes will take, variants and all."""
    width, height = (item.info.width, item.info.height) if item.info else (4, 3)
    return expected_frames(item, settings) * (1 + item.variants) * frame_bytes(settings, width, height)
