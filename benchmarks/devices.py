"""Devices of 200 sites on a running service: bytes on the wire, how long a report takes, and how long the pages take.

python -m benchmarks.devices FOLDER [SECONDS]
"""

import asyncio
import base64
import json
import statistics
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from raypp import __version__
from raypp.edge.device_report import DeviceFacts, DeviceReporter
from raypp.edge.status import CameraStatus, SiteStatus
from raypp.edge.uplink.connection import ServiceConnection
from raypp.edge.uplink.device_link import DeviceLink
from raypp.io.clock import now_us
from raypp.io.private import write_private
from raypp.ledger.identity import Identities
from tests.serving.running import Service, running_service

DEVICES, CAMERAS, FPS = 200, 4, 2.0
_WARM_S, _PAGES = 40.0, 20
_DOOR = {"strangers_per_minute": 100_000, "strangers_burst": 1000, "strangers_under_way": 1000}


@dataclass
class Wire:
    """A relay in front of the service that counts bytes of TCP's payload, both ways together."""

    port: int
    bytes: int = 0

    async def serve(self) -> asyncio.Server:
        """Listen; returns the server."""
        return await asyncio.start_server(self._relay, "127.0.0.1", 0)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        with suppress(asyncio.CancelledError):  # the measurement is over
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer), return_exceptions=True)

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            self.bytes += len(data)
            target.write(data)
            await target.drain()
        target.close()


def main() -> None:
    """Print one row of JSON."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 180.0
    folder.mkdir(parents=True)
    with running_service(folder, {"door": _DOOR}) as service:
        print(json.dumps(asyncio.run(_measure(folder, service, seconds)), indent=1))


async def _measure(folder: Path, service: Service, seconds: float) -> dict[str, object]:
    wire = Wire(service.port)
    server = await wire.serve()
    port = server.sockets[0].getsockname()[1]
    sites = [f"plant-{number:03}" for number in range(DEVICES)]
    with service.ledger() as ledger:
        identities = Identities(ledger)
        for site in sites:
            write_private(folder / f"{site}.token", identities.add_site(site).encode())
        operator = identities.add_operator("boss")
    took_s: list[float] = []
    devices = [asyncio.create_task(_device(folder, site, port, took_s)) for site in sites]
    await asyncio.sleep(_WARM_S)
    began, before, cpu_s = time.monotonic(), wire.bytes, _cpu_s(service)
    took_s.clear()
    await asyncio.sleep(seconds)
    passed_s, sent, used_s = time.monotonic() - began, wire.bytes - before, _cpu_s(service) - cpu_s
    reports = sorted(took_s)
    pages = {
        path: await _pages(service, path, operator) for path in ("/devices", "/api/devices", "/sites/plant-007/devices")
    }
    failed = [str(task.exception()) for task in devices if task.done()]
    for task in devices:
        task.cancel()
    await asyncio.gather(*devices, return_exceptions=True)
    server.close()
    return {
        "devices": DEVICES,
        "cameras": CAMERAS,
        "seconds": round(passed_s),
        "reports": len(reports),
        "failed": failed,
        "bytes_per_device_s": round(sent / passed_s / DEVICES, 1),
        "report_ms_median": round(1e3 * statistics.median(reports), 1),
        "report_ms_p99": round(1e3 * reports[int(0.99 * len(reports))], 1),
        "service_cpu_share_of_a_core": round(used_s / passed_s, 3),
        "pages_s": pages,
        "ledger_bytes": sum(path.stat().st_size for path in folder.glob("ledger.db*")),
    }


async def _device(folder: Path, site: str, port: int, took_s: list[float]) -> None:
    link = DeviceLink(ServiceConnection(f"127.0.0.1:{port}", folder / f"{site}.token"))
    reporter = DeviceReporter(DeviceFacts(site, "agent", __version__, now_us(), now_us(), "ab" * 16))
    await asyncio.sleep(30 * (sum(site.encode()) % 97) / 97)
    began = time.monotonic()
    while True:
        frames = int((time.monotonic() - began) * FPS)
        camera = CameraStatus(captured=frames, spool_bytes=4_000_000, last_us=now_us(), waiting_frames=frames % 16)
        cameras = {f"bench-{number}": camera for number in range(CAMERAS)}
        status = SiteStatus(site=site, at_us=now_us(), cameras=cameras)
        rates = dict.fromkeys(cameras, FPS)
        report = reporter.report(status, rates, 80_000_000_000, link.clock.best, time.monotonic())
        sent = time.monotonic()
        answer = await link.send(report)
        took_s.append(time.monotonic() - sent)
        await asyncio.sleep(answer.next_after_ms / 1000)


async def _pages(service: Service, path: str, token: str) -> dict[str, object]:
    times, size = [], 0
    for _ in range(_PAGES):
        began = time.monotonic()
        body = await asyncio.to_thread(_get, service, path, token)
        times.append(time.monotonic() - began)
        size = len(body)
        await asyncio.sleep(0.2)
    assert path == "/sites/plant-007/devices" or body.count(b"plant-") >= DEVICES, body[:500]
    return {"median": round(statistics.median(times), 3), "most": round(max(times), 3), "bytes": size}


def _get(service: Service, path: str, token: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{service.http_port}{path}")
    request.add_header("Authorization", "Basic " + base64.b64encode(f"boss:{token}".encode()).decode())
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - http, above
        return bytes(answer.read())


def _cpu_s(service: Service) -> float:
    """CPU seconds of gateway, page makers and proxy so far."""
    processes = [*service.replicas("Gateway"), *service.processes("ProxyActor"), *service.processes("PageMaker")]
    return sum(sum(psutil.Process(process.pid).cpu_times()[:2]) for process in processes)


if __name__ == "__main__":
    main()
