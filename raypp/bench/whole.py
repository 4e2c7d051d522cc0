"""A whole service and an agent, measured together: the one streams to the other."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from raypp.bench.agent import agent_rate
from raypp.bench.databases import PostgresDatabase
from raypp.bench.detecting import cpu_rate
from raypp.bench.load import LoadTarget, Pace
from raypp.bench.replay import Replay
from raypp.bench.service import measured_service
from raypp.bench.service_rate import LoadPhase, rates_of_phases, run_phases
from raypp.bench.veiling import decode_rate, time_veiling
from raypp.capacity.rates import AgentRate, ServiceRate
from raypp.detect.bundle import read_bundle_header
from raypp.detect.engines.name import Engine, Precision
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec, spec_of

_SITES, _CAMERAS, _FPS = 24, 4, 2.0
_PHASES = (
    LoadPhase(Pace(0, 1), 5),
    LoadPhase(Pace(0, 1), 6),
    LoadPhase(Pace(1.6, 8, of=8), 10),
    LoadPhase(Pace(1.6, 2, of=8), 8),
)
"""Without a stream; with streams that send nothing; twice the same frames, in few chunks and in many."""


def measure_service(
    folder: Path, video: Path, bundle: Path, key: VeilKey, postgres: str | None, step: Callable[[], None]
) -> tuple[ServiceRate, AgentRate]:
    """Measure a service by phases of load, and then an agent that streams to it.

    Args:
        folder: for files.
        video: that is streamed.
        bundle: a small detector of a veil of the key.
        key: the owner's.
        postgres: URL of a PostgreSQL for the ledger, in a database of its own; None for SQLite.
        step: is called six times.

    Raises:
        RayppError: if service or agent do not start, or a stream breaks.
        OptionError: if the PostgreSQL cannot be used.
    """
    info = read_bundle_header(bundle).info
    spec, size = spec_of(info.spec), info.size
    if not isinstance(spec, PatchSpec):
        raise TypeError(f"a measured service has a patch veil, not {spec.family}")
    compute_ms = cpu_rate(bundle, Engine.ONNXRUNTIME, Precision.FLOAT32).cpu_ms
    replay = Replay.of_video(video, size, spec, key, _FPS)
    with _ledger(postgres) as ledger, measured_service(folder, bundle, ledger) as service:
        step()
        tokens = service.register([f"bench-{number}" for number in range(_SITES)])
        target = LoadTarget(service.address, tokens, _CAMERAS, key.veil_id(spec), size)
        results = asyncio.run(run_phases(service.pid, target, replay, _PHASES, step))
        frame_ms = decode_rate(video, size, _FPS).cpu_ms / _FPS + time_veiling(video, size, spec, 25).veil_ms
        agent = agent_rate(folder, service, key, spec, video, frame_ms)
        step()
    return rates_of_phases(results, compute_ms, size, "postgresql" if postgres else "sqlite"), agent


@contextmanager
def _ledger(postgres: str | None) -> Iterator[str | None]:
    if postgres is None:
        yield None
        return
    with PostgresDatabase.opened(postgres) as database:
        yield database.url
