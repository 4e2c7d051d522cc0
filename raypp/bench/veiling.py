"""Decoding and veiling on one thread: CPU time of a frame, and of a second of video at a sampling rate."""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from raypp.capacity.rates import DecodeRate, VeilRate
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.frame import Frame
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.veil.key import VeilKey
from raypp.veil.packing import pack
from raypp.veil.spec import VeilSpec
from raypp.veil.veil import Veil

EVERY_FRAME = Sampling(SamplingMode.EVERY)
_LEAST_S = 0.5


class ThreadTimes(NamedTuple):
    """Mean CPU milliseconds of a frame: decoded and resized, and then veiled and packed."""

    decode_ms: float
    veil_ms: float


def sampled_frames(video: Path, size: int, patch: int, sampling: Sampling = EVERY_FRAME) -> Iterator[Frame]:
    """Yield the sampled frames of a video, letterboxed.

    Args:
        video: the file.
        size: side of the square, in pixels.
        patch: side of a cell, in pixels.
        sampling: which frames.
    """
    stream = open_source(str(video))
    info = probe(stream)
    box = Letterbox(size, patch, info.width, info.height)
    yield from decode(stream, info, 0, END_US, sampling, box, None, report=DecodeReport())


def time_veiling(video: Path, size: int, spec: VeilSpec, most_frames: int) -> ThreadTimes:
    """Measure one thread on the first frames of a video, decoding and veiling in turns."""
    encoder = Veil(spec, VeilKey(bytes(32))).stream("site", "camera")
    frames, decoding, veiling, count = sampled_frames(video, size, spec.patch), 0.0, 0.0, 0
    with threadpool_limits(1):
        started = time.process_time()
        for frame in frames:
            decoded = time.process_time()
            pack(encoder.encode(frame.pixels[None])[0], spec.bits)
            veiled = time.process_time()
            decoding, veiling, count = decoding + decoded - started, veiling + veiled - decoded, count + 1
            if count == most_frames:
                break
            started = time.process_time()
    return ThreadTimes(1e3 * decoding / count, 1e3 * veiling / count)


def veil_rate(video: Path, size: int, name: str, spec: VeilSpec, most_frames: int) -> VeilRate:
    """Return the rate of a veil at a size, under the name of its spec."""
    cpu_ms = time_veiling(video, size, spec, most_frames).veil_ms
    return VeilRate(spec=name, size=size, cpu_ms=cpu_ms, frames_per_s=1e3 / cpu_ms)


def decode_rate(video: Path, size: int, fps: float) -> DecodeRate:
    """Measure sampled decoding of a whole video, again and again until half a CPU second is gone."""
    info = probe(open_source(str(video)))
    sampling = Sampling(SamplingMode.RATE, Fraction(fps).limit_denominator(1000))
    spent, seconds = 0.0, 0.0
    while spent < _LEAST_S:
        began = time.process_time()
        for _ in sampled_frames(video, size, 16, sampling):
            pass
        spent += time.process_time() - began
        seconds += info.duration_us / 1e6
    return DecodeRate(
        width=info.width,
        height=info.height,
        video_fps=float(info.average_rate),
        fps=fps,
        cpu_ms=1e3 * spent / seconds,
    )
