"""Capacity: what rates measured at a load predict of twice the load and of far more streams, and the error of that."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from raypp.bench.databases import MeasuredDatabase, PostgresDatabase, SqliteDatabase
from raypp.bench.detecting import cpu_rate
from raypp.bench.ledger import postgres_rate, sqlite_rate
from raypp.bench.load import LoadTarget, Pace
from raypp.bench.replay import Replay
from raypp.bench.sample_bundle import sample_info, write_sample_bundle
from raypp.bench.sample_video import make_source
from raypp.bench.service import MeasuredService, measured_service
from raypp.bench.service_rate import LoadPhase, PhaseResult, rates_of_phases, run_phases
from raypp.capacity.rates import LedgerRate, ProcessGroup, ServiceRate, WireRate
from raypp.detect.engines.name import Engine, Precision
from raypp.io.clock import now_us
from raypp.ledger.store import Ledger
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from tests.ledger.postgres import PostgresServer

Row = tuple[str, str, str]
_SPEC, _SIZE, _CAMERAS, _FPS = PatchSpec(), 160, 4, 2.0
_SITES, _FAR_SITES = 100, 375
_GRPC_BYTES = 5  # before each message, which a load does not count
_IDLE = LoadPhase(Pace(0, 1), 6)
_ONCE = (_IDLE, _IDLE, LoadPhase(Pace(0.6, 8, of=8), 13.4), LoadPhase(Pace(0.6, 2, of=8), 10))
"""400 streams, of which 50 send 30 frames a second: in few chunks, and in many."""
_TWICE = (_IDLE, LoadPhase(Pace(0.6, 4, of=8), 7), LoadPhase(Pace(0.6, 4, of=8), 13.4))
"""800 streams, of which 100 send 60 frames a second, in chunks of a size that was not measured."""
_FAR = (_IDLE, LoadPhase(Pace(0.1, 1, of=10), 15))
"""1500 streams, of which 150 send 15 frames a second, each in a chunk of its own."""


def capacity_rows(folder: Path) -> list[Row]:
    """Predicted and measured cores, commits and bytes, and the errors, with each ledger that is here."""
    key, video = VeilKey.generate(), make_source(folder / "in" / "video.mp4", 20 / 60, encoded_s=4)
    replay, veil_id = Replay.of_video(video, _SIZE, _SPEC, key, _FPS), key.veil_id(_SPEC)
    bundle = write_sample_bundle(folder / "tools.model", sample_info("yolov8p", _SPEC, _SIZE, veil_id))
    compute_ms = cpu_rate(bundle, Engine.ONNXRUNTIME, Precision.FLOAT32).cpu_ms
    rows: list[Row] = []
    with asyncio.Runner() as runner:  # gRPC has one event loop in a process's life
        for name, database, ledger in _ledgers(folder):
            place = folder / name
            place.mkdir(exist_ok=True)
            with measured_service(place, bundle, database.url) as service:
                measured = _Measured(runner, service, database, replay, veil_id)
                once = measured.run("once", _SITES, _ONCE)
                twice = measured.run("twice", 2 * _SITES, _TWICE)
                far = measured.run("far", _FAR_SITES, _FAR)
            rate = rates_of_phases(once, compute_ms, _SIZE, ledger.kind)
            wire = replay.wire_rate("default", _SIZE, now_us())
            rows += _rows(f"{name}, twice", rate, compute_ms, wire, _TWICE[-1], twice[-1])
            rows.append(_row(f"{name}, twice: bytes kept", _kept(ledger, *measured.committed), measured.grown))
            rows += _rows(f"{name}, far", rate, compute_ms, wire, _FAR[-1], far[-1])
    return rows


def _ledgers(folder: Path) -> Iterator[tuple[str, MeasuredDatabase, LedgerRate]]:
    (folder / "sqlite").mkdir()
    rate = sqlite_rate(folder / "sqlite", lambda: None)
    yield "sqlite", SqliteDatabase(folder / "sqlite" / "service.db"), rate
    if PostgresServer.is_installed():
        with PostgresServer(max_connections="200") as server:
            rate = postgres_rate(server.database(), lambda: None)
            with PostgresDatabase.opened(server.database()) as database:
                yield "postgresql", database, rate


class _Measured:
    """A service, and what its ledger took in and how it grew from the last phase but one on."""

    def __init__(
        self,
        runner: asyncio.Runner,
        service: MeasuredService,
        database: MeasuredDatabase,
        replay: Replay,
        veil_id: str,
    ) -> None:
        self._runner = runner
        self._service, self._database, self._replay, self._veil_id = service, database, replay, veil_id
        self.committed, self.grown = (0, 0), 0.0

    def run(self, prefix: str, sites: int, phases: tuple[LoadPhase, ...]) -> list[PhaseResult]:
        """Run phases with streams of sites that are new."""
        tokens = self._service.register([f"{prefix}-{number}" for number in range(sites)])
        target = LoadTarget(self._service.address, tokens, _CAMERAS, self._veil_id, _SIZE)
        states: list[tuple[int, int, int]] = []
        results = self._runner.run(
            run_phases(self._service.pid, target, self._replay, phases, lambda: states.append(self._state()))
        )
        if phases is _TWICE:
            (chunks, frames, kept), (chunks_then, frames_then, kept_then) = states[-2:]
            self.committed, self.grown = (chunks_then - chunks, frames_then - frames), float(kept_then - kept)
        return results

    def _state(self) -> tuple[int, int, int]:
        with Ledger.open(self._service.ledger, create=False) as ledger:
            streams = [stream for site in ledger.sites() for stream in ledger.streams(site.name)]
        chunks, frames = sum(stream.committed for stream in streams), sum(stream.frames for stream in streams)
        return chunks, frames, self._database.kept_bytes()


def _kept(ledger: LedgerRate, chunks: int, frames: int) -> float:
    return ledger.chunk_bytes * chunks + ledger.frame_bytes * frames


def _rows(
    name: str, rate: ServiceRate, compute_ms: float, wire: WireRate, load: LoadPhase, phase: PhaseResult
) -> list[Row]:
    """Rows of a phase: what was predicted of the frames and chunks that were to be sent, beside what was measured."""
    frames_per_s = -(-phase.streams // load.pace.of) * load.pace.fps
    chunks_per_s = frames_per_s / load.pace.chunk_frames
    predicted = {}
    for group, costs in rate.processes.items():
        predicted[group] = costs.base_cores + costs.busy_cores(phase.streams, chunks_per_s, frames_per_s)
    predicted[ProcessGroup.DETECTOR] += frames_per_s * compute_ms / 1e3
    memory = sum(costs.base_bytes + phase.streams * costs.stream_bytes for costs in rate.processes.values())
    sent = frames_per_s * wire.frame_bytes + chunks_per_s * (wire.chunk_bytes - _GRPC_BYTES)
    p50, p95 = np.percentile(phase.latencies_s, (50, 95))
    return [
        *(_row(f"{name}: {group}, cores", cores, phase.cores[group]) for group, cores in predicted.items()),
        _row(f"{name}: all, cores", sum(predicted.values()), sum(phase.cores.values())),
        _row(f"{name}: commits a second", chunks_per_s, phase.chunks_per_s),
        _row(f"{name}: kB sent a second", sent / 1e3, phase.sent_bytes / phase.seconds / 1e3),
        _row(f"{name}: memory, MB", memory / 1e6, sum(phase.pss_bytes.values()) / 1e6),
        (f"{name}: {phase.streams} streams, sent to committed", f"{p50 * 1e3:.0f}, {p95 * 1e3:.0f} ms", "p50, p95"),
    ]


def _row(name: str, predicted: float, measured: float) -> Row:
    return name, f"{predicted:.4g} and {measured:.4g}", f"error {100 * (predicted / measured - 1):+.0f} %"
