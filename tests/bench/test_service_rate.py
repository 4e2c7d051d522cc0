"""Costs of a service from phases of load: those that the phases were made of come out again."""

import pytest

from raypp.bench.service_rate import PhaseResult, rates_of_phases
from raypp.capacity.rates import ProcessGroup

_STREAM, _CHUNK, _FRAME, _BASE = 0.5e-3, 4e-3, 2e-3, 0.1


def _phase(streams: int, chunks: int, frames: int, *, extra: float = 0.0) -> PhaseResult:
    seconds = 10.0
    cores = _BASE + _STREAM * streams + (_CHUNK * chunks + _FRAME * frames) / seconds + extra
    groups = dict.fromkeys(ProcessGroup, cores)
    memory = dict.fromkeys(ProcessGroup, 1e8 + 1e5 * streams)
    return PhaseResult(streams, seconds, chunks, frames, 0, (), 0.0, groups, memory)


def test_costs_come_out_of_phases() -> None:
    phases = [_phase(0, 0, 0), _phase(100, 0, 0), _phase(100, 25, 200), _phase(100, 100, 200)]
    rate = rates_of_phases(phases, 1.5, 640, "sqlite")
    gateway = rate.processes[ProcessGroup.GATEWAY]
    assert gateway.base_cores == pytest.approx(_BASE)
    assert gateway.stream_ms == pytest.approx(0.5)
    assert gateway.chunk_ms == pytest.approx(4)
    assert gateway.frame_ms == pytest.approx(2)
    assert rate.processes[ProcessGroup.DETECTOR].frame_ms == pytest.approx(0.5)  # the network's 1.5 ms are no part
    assert gateway.stream_bytes == pytest.approx(1e5)
    assert gateway.busy_cores(100, 10, 20) + gateway.base_cores == pytest.approx(phases[3].cores[ProcessGroup.GATEWAY])


def test_noise_never_makes_a_cost_negative() -> None:
    phases = [_phase(0, 0, 0, extra=0.05), _phase(100, 0, 0), _phase(100, 25, 200), _phase(100, 100, 200, extra=-0.1)]
    for rate in rates_of_phases(phases, 1.5, 640, "sqlite").processes.values():
        assert min(rate.stream_ms, rate.chunk_ms, rate.frame_ms) >= 0
