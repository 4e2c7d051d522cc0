"""Rates of a service: CPU of its processes for a stream, a chunk and a frame, from phases of load of several shapes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import nnls

from raypp.bench.load import LoadTarget, Pace, ReplayedStreams
from raypp.bench.processes import ServiceUsage, service_usage
from raypp.bench.replay import Replay
from raypp.capacity.rates import ProcessGroup, ProcessRate, ServiceRate
from raypp.errors import RayppError

_SETTLE_S = 2.0


@dataclass(frozen=True)
class LoadPhase:
    """A stretch of load.

    Attributes:
        pace: of each stream.
        seconds: that are measured, after a little time to settle.
    """

    pace: Pace
    seconds: float


@dataclass(frozen=True)
class PhaseResult:
    """The service's work in a phase.

    Attributes:
        streams: that were open.
        seconds: that were measured.
        chunks: committed in them.
        frames: likewise.
        sent_bytes: of messages with frames.
        latencies_s: from sending to commit, of each chunk.
        late_s: how late the latest chunk was sent: of a service that keeps up, next to nothing.
        cores: busy, by group.
        pss_bytes: memory at the end, by group.
    """

    streams: int
    seconds: float
    chunks: int
    frames: int
    sent_bytes: int
    latencies_s: tuple[float, ...]
    late_s: float
    cores: dict[ProcessGroup, float]
    pss_bytes: dict[ProcessGroup, float]

    @property
    def frames_per_s(self) -> float:
        """Frames that were committed a second."""
        return self.frames / self.seconds

    @property
    def chunks_per_s(self) -> float:
        """Chunks that were committed a second."""
        return self.chunks / self.seconds


async def run_phases(
    pid: int, target: LoadTarget, replay: Replay, phases: Sequence[LoadPhase], advance: Callable[[], None]
) -> list[PhaseResult]:
    """Open all streams and run phases, the first of which is measured before a stream is open.

    Args:
        pid: of the service.
        target: where streams open.
        replay: what they send.
        phases: of the load.
        advance: is called after each.

    Raises:
        RayppError: if a stream cannot be opened, or one breaks.
    """
    streams = ReplayedStreams(target, replay)
    results = [await _measured(pid, streams, 0, phases[0])]
    advance()
    try:
        await streams.open()
        for phase in phases[1:]:
            streams.set_pace(phase.pace)
            results.append(await _measured(pid, streams, target.streams, phase))
            advance()
            if streams.count.broken:
                raise RayppError(f"a stream of the measurement broke: {streams.count.broken[0]}")
    finally:
        await streams.close()
    return results


async def _measured(pid: int, streams: ReplayedStreams, number: int, phase: LoadPhase) -> PhaseResult:
    chunk_s = phase.pace.chunk_frames / phase.pace.fps if phase.pace.fps else 0.0
    await asyncio.sleep(_SETTLE_S + chunk_s)
    count, before, began = streams.count, service_usage(pid), time.monotonic()
    frames, chunks, sent, latencies = count.frames, count.chunks, count.sent_bytes, len(count.latencies_s)
    await asyncio.sleep(phase.seconds)
    seconds, after = time.monotonic() - began, service_usage(pid)
    return PhaseResult(
        streams=number,
        seconds=seconds,
        chunks=count.chunks - chunks,
        frames=count.frames - frames,
        sent_bytes=count.sent_bytes - sent,
        latencies_s=tuple(count.latencies_s[latencies:]),
        late_s=count.late_s,
        cores=_cores(before, after, seconds),
        pss_bytes=dict(after.pss_bytes),
    )


def _cores(before: ServiceUsage, after: ServiceUsage, seconds: float) -> dict[ProcessGroup, float]:
    return {group: max(0.0, after.cpu_s[group] - before.cpu_s[group]) / seconds for group in ProcessGroup}


def rates_of_phases(
    results: Sequence[PhaseResult], compute_ms: float, size: int, ledger: Literal["sqlite", "postgresql"]
) -> ServiceRate:
    """Fit costs of a stream, a chunk and a frame to phases, by least squares; none is below 0.

    Args:
        results: of phases; the first without a stream.
        compute_ms: CPU milliseconds of a frame that the detector's network takes; they are no part of the rate.
        size: side of the square, in pixels.
        ledger: of the service.
    """
    idle, *busy = results
    work = np.array([(phase.streams, phase.chunks_per_s, phase.frames_per_s) for phase in busy])
    processes = {}
    for group in ProcessGroup:
        cores = np.array([phase.cores[group] - idle.cores[group] for phase in busy])
        stream, chunk, frame = (1e3 * cost for cost in nnls(work, np.maximum(cores, 0.0))[0])
        computing = compute_ms if group is ProcessGroup.DETECTOR else 0.0
        grown = max(phase.pss_bytes[group] for phase in busy) - idle.pss_bytes[group]
        processes[group] = ProcessRate(
            base_cores=idle.cores[group],
            stream_ms=stream,
            chunk_ms=chunk,
            frame_ms=max(0.0, frame - computing),
            base_bytes=idle.pss_bytes[group],
            stream_bytes=max(0.0, grown) / max(phase.streams for phase in busy),
        )
    most = max(phase.frames_per_s for phase in busy)
    return ServiceRate(ledger=ledger, size=size, frames_per_s=most, processes=processes)
