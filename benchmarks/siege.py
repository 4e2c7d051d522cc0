"""A siege on a service with a detector of the usual size: commits, memory and pages against those in peace."""

from functools import partial
from pathlib import Path
from ssl import SSLContext, create_default_context

import grpc

from benchmarks.plant import HEIGHT, PACE_FPS, SECRET, SPEC, WIDTH, BenchmarkedService, running_plant
from protos.raypp_pb2_grpc import SitesStub
from tests.chaos.pipe import Pipe
from tests.e2e.serve.talk import get_page
from tests.serving.running import START_US, Connection, bearer
from tests.siege.attack import Orders
from tests.siege.siege import Honest, Outcome, Siege

Row = tuple[str, str, str]
_WAYS = ("nginx", "no front")
_SITES = ("honest-one", "honest-two")
_CHUNK = 2
_OK = 200
_CALL_S = 3600.0


def siege_rows(folder: Path, seconds: float) -> list[Row]:
    """Commits of two honest sites, in peace and under siege, through nginx and without it."""
    rows: list[Row] = []
    for way in _WAYS:
        with running_plant(folder / f"siege-{len(rows)}") as plant:
            rows += _rows(way, *_besieged(plant, seconds, front=way == _WAYS[0]))
    return rows


def _besieged(plant: BenchmarkedService, seconds: float, *, front: bool) -> tuple[Outcome, int, int]:
    """Lay siege, to the front or past it; returns the outcome, and frames told committed and in the ledger.

    Who goes past the front brings its secret, as if the service asked for none.
    """
    codes = plant.codes()
    tokens = {site: plant.service.site(site) for site in _SITES}
    frame = plant.camera("hostile", "gate").encoder().encode(codes[0], 0, START_US)
    (plant.place / "frame").write_bytes(frame.SerializeToString())
    orders = Orders(
        f"localhost:{plant.port}" if front else f"127.0.0.1:{plant.service.port}",
        seconds, plant.key.veil_id(SPEC), "hostile", WIDTH, HEIGHT,
        authority=str(plant.place / "ca.pem") if front else None, secret=None if front else SECRET,
        token=plant.service.site("hostile"), frame=str(plant.place / "frame"),
    )  # fmt: skip
    passing = {} if front else {"x-raypp-front": SECRET}
    context = create_default_context(cadata=plant.authority.pem.decode()) if front else None
    with Pipe(plant.port if front else plant.service.port, source="127.0.0.2") as wire:
        pages = f"https://localhost:{wire.port}" if front else f"http://127.0.0.1:{plant.service.http_port}"

        def channel() -> grpc.Channel:
            """Reach the service by another address than the attackers have."""
            if not front:
                return grpc.insecure_channel(f"127.0.0.1:{wire.port}")
            return grpc.secure_channel(f"localhost:{wire.port}", grpc.ssl_channel_credentials(plant.authority.pem))

        def connect(site: str) -> Connection:
            metadata = bearer(tokens[site], **passing)
            stub = SitesStub(channel())  # type: ignore[no-untyped-call]
            return Connection(plant.camera(site, "gate"), stub, metadata, within_s=_CALL_S)

        def page() -> bool:
            return _page(f"{pages}/api/sites", context, Authorization=f"Bearer {tokens['honest-one']}", **passing)

        honest = {site: Honest(partial(connect, site), codes, _CHUNK, _CHUNK / PACE_FPS) for site in _SITES}
        outcome = Siege(plant.service, honest, orders, page).run(max(20.0, seconds / 5))
    with plant.service.ledger() as ledger:
        kept = sum(stream.frames for site in _SITES for stream in ledger.streams(site))
    return outcome, _CHUNK * sum(outcome.sent.values()), kept


def _page(address: str, context: SSLContext | None, **headers: str) -> bool:
    try:
        return get_page(address, context, **headers)[0] == _OK
    except OSError:
        return False


def _rows(way: str, outcome: Outcome, acknowledged: int, kept: int) -> list[Row]:
    quiet, besieged = outcome.quiet, outcome.besieged
    rows = [
        (
            f"{way}, {what}: commits p50 p95 max",
            " ".join(f"{commit_s * 1e3:.0f}" for commit_s in phase.commits()) + " ms",
            "",
        )
        for what, phase in (("quiet", quiet), ("besieged", besieged))
    ]
    rows.append((f"{way}: p95 besieged / quiet", f"{besieged.commits()[1] / quiet.commits()[1]:.2f}", "bar <= 2"))
    rows.append((f"{way}: longest commit under siege", f"{besieged.commits()[2]:.2f} s", "bar <= 1"))
    for name, most in besieged.memory.items():
        ratio = most / quiet.memory[name]
        rows.append((f"{way}: {name}, most RSS besieged / quiet", f"{ratio:.2f}", f"bar <= 1.3 ({most / 1e6:.0f} MB)"))
    slow = max(besieged.pages_s, default=0.0)
    rows.append(
        (f"{way}: pages that failed", f"{besieged.pages_failed} of {len(besieged.pages_s)}", f"{slow:.2f} s most")
    )
    rows.append(
        (f"{way}: frames told committed, in the ledger", f"{acknowledged}, {kept}", f"{outcome.reopened} reconnects")
    )
    rows += [(f"{way}: {what}", str(count), "") for what, count in sorted(outcome.fared.items())]
    return rows
