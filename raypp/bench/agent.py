"""Rates of the agent beside cameras: `raypp stream` on recordings at their own pace, to a running service."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import yaml

from raypp.bench.processes import cpu_of, family, pss_of
from raypp.bench.service import MeasuredService
from raypp.capacity.rates import AgentRate
from raypp.errors import RayppError
from raypp.io.private import write_private
from raypp.ledger.store import Ledger
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.spec import PatchSpec

_SITE, _CAMERAS, _FPS = "bench-agent", ("left", "right"), 2
_START_S, _MEASURED_S, _GLANCE_S = 90.0, 8.0, 0.2


def agent_rate(
    folder: Path, service: MeasuredService, key: VeilKey, spec: PatchSpec, video: Path, frame_ms: float
) -> AgentRate:
    """Stream a video as two cameras, two frames a second each, and measure once their first frames are committed.

    Args:
        folder: for its files.
        service: where it streams to.
        key: the owner's.
        spec: of the veil.
        video: a recording that lasts half a minute or longer.
        frame_ms: CPU milliseconds of decoding and veiling for each frame that is taken; no part of the rate.

    Raises:
        RayppError: if nothing is committed within a minute and a half.
    """
    token = service.register([_SITE])[_SITE]
    write_private(folder / "token", token.encode())
    save_site_key(SiteKey.derive_from(key, spec, _SITE, list(_CAMERAS)), folder / "site.key")
    camera = {"source": str(video), "fps": _FPS, "realtime": True, "time_from": "2026-03-02T08:00:00"}
    write_private(folder / "cameras.yaml", yaml.safe_dump({"cameras": dict.fromkeys(_CAMERAS, camera)}).encode())
    command = [
        sys.executable, "-m", "raypp", "stream", "--config", folder / "cameras.yaml", "--site", _SITE,
        "--key", folder / "site.key", "--server", service.address, "--token-file", folder / "token",
        "--spool", folder / "spool",
    ]  # fmt: skip
    log = folder / "agent.log"
    with log.open("wb") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)
    try:
        with Ledger.open(service.ledger, create=False) as ledger:
            _wait_for_frames(ledger, process, log)
            frames, cpu_s, began = _committed(ledger), _cpu_s(process.pid), time.monotonic()
            time.sleep(_MEASURED_S)
            frames, cpu_s = _committed(ledger) - frames, _cpu_s(process.pid) - cpu_s
            seconds = time.monotonic() - began
        members = family(process.pid)
        captures = [member for member in members if _is_capture(member, process.pid)]
        camera_bytes = pss_of(captures) / max(1, len(captures))
        base_bytes = pss_of(member for member in members if member not in captures)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.poll() is None:
            process.kill()
            process.wait()
    if not frames:
        raise RayppError(f"the agent of the measurement streamed no frame within {seconds:.0f} s: {_last(log)}")
    return AgentRate(
        fps=_FPS,
        frame_ms=max(0.0, 1e3 * cpu_s / (seconds * _FPS * len(_CAMERAS)) - frame_ms),
        base_bytes=base_bytes,
        camera_bytes=camera_bytes,
    )


def _wait_for_frames(ledger: Ledger, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while len([stream for stream in ledger.streams(_SITE) if stream.frames]) < len(_CAMERAS):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RayppError(f"the agent of the measurement streamed nothing: {_last(log)}")
        time.sleep(_GLANCE_S)


def _committed(ledger: Ledger) -> int:
    return sum(stream.frames for stream in ledger.streams(_SITE))


def _cpu_s(pid: int) -> float:
    return sum(map(cpu_of, family(pid)))


def _is_capture(process: psutil.Process, agent: int) -> bool:
    """Whether a process was forked by the agent's fork server: those captures are its only grandchildren."""
    try:
        return bool(process.pid != agent and process.ppid() != agent)
    except psutil.NoSuchProcess:
        return False


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
