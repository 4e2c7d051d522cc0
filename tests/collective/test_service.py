"""Coordinator and sites over real gRPC: whole rounds, sites that drop out, and calls that are refused."""

import asyncio
import hashlib
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import grpc.aio
import numpy as np
import pytest

from protos import raypp_pb2 as pb
from raypp.collective.coordinator import Coordinator
from raypp.collective.listening import CoordinatorAddress
from raypp.collective.ring import UpdateRing, Words
from raypp.collective.round import AttemptName, Phase
from raypp.collective.service import serving
from raypp.collective.status import read_status
from raypp.collective.store import CoordinatorStore
from raypp.edge.uplink.connection import ServiceConnection
from raypp.errors import CollectiveError, ConflictError, OptionError
from tests.collective.sites import Owners
from tests.collective.vector_site import VectorSite

SIZE, LAYERS = 5000, "cd" * 32
FIELDS = {"rounds": 2, "attempts": 2}


def initial(_plan):
    return LAYERS, np.linspace(-1, 1, SIZE, dtype=np.float32)


def site_of(owners: Owners, name: str, folder: Path, port: int, instance: int = 1) -> VectorSite:
    connection = ServiceConnection(f"127.0.0.1:{port}", folder / "tokens" / f"{name}.token")
    return VectorSite(owners.plan, owners.memberships[name], connection, LAYERS, instance)


@asynccontextmanager
async def coordinated(owners: Owners, folder: Path):
    """A coordinator that serves and runs; gives it, its port and its task."""
    coordinator = Coordinator(CoordinatorStore.open(folder, owners.plan, initial))
    async with serving(coordinator, CoordinatorAddress(port=0)) as port:
        task = asyncio.create_task(coordinator.run())
        try:
            yield coordinator, port, task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, CollectiveError):
                await task


async def without(coordinator: Coordinator, site: str, stopped: asyncio.Task[str]) -> None:
    """Let it be late wherever a site that has stopped is the only one that is waited for, however slow this machine."""
    await stopped
    while True:
        await asyncio.sleep(0.01)
        async with coordinator._changed:
            if coordinator.attempt is not None and coordinator.attempt.missing == (site,):
                coordinator.attempt.advance(late=True)
                coordinator._changed.notify_all()


def encoded(owners: Owners) -> tuple[UpdateRing, dict[str, Words]]:
    ring, chance = UpdateRing(1.0, len(owners.plan.sites), owners.plan.most_frames), np.random.default_rng(5)
    return ring, {
        site: ring.encode(chance.uniform(-0.1, 0.1, SIZE).astype(np.float32), 100 * number)
        for number, site in enumerate(owners.plan.sites, 1)
    }


def expected(ring: UpdateRing, vectors: dict[str, Words], *rounds: list[str]) -> str:
    """Digest of the weights after rounds in which some sites were summed, in plain whole numbers."""
    _, weights = initial(None)
    for sites in rounds:
        weights = weights + ring.decode(np.sum([vectors[site] for site in sites], axis=0, dtype=np.uint32))[0]
    return hashlib.sha256(weights.tobytes()).hexdigest()


@pytest.mark.parametrize(("phase", "summed"), [(None, 4), (Phase.SHARES, 3), (Phase.VECTORS, 3), (Phase.ROLL, 4)])
def test_all_sites_end_with_the_weights_of_plain_sums_though_one_drops_out(tmp_path, phase, summed) -> None:
    owners = Owners(4, **FIELDS)
    ring, vectors = encoded(owners)

    async def run() -> list[str]:
        async with coordinated(owners, tmp_path / "c") as (coordinator, port, _):
            sites = [site_of(owners, name, tmp_path / "c", port) for name in vectors]
            stops = {"plant-2": (2, phase)} if phase else {}
            parts = [asyncio.create_task(site.take_part(vectors[site.name], stops.get(site.name))) for site in sites]
            late = asyncio.create_task(without(coordinator, "plant-2", parts[1]))
            try:
                return await asyncio.gather(*parts)
            finally:
                late.cancel()

    digests = asyncio.run(run())
    second = [name for name in vectors if summed == 4 or name != "plant-2"]
    wanted = expected(ring, vectors, list(vectors), second)
    assert digests == [wanted if phase is None or name != "plant-2" else "stopped" for name in vectors]
    status = read_status(tmp_path / "c")
    assert (status.opened, status.finished, status.site) == (2, True, None)
    assert status.events[-1].sites == tuple(sorted(second))


def test_below_the_threshold_rounds_are_void_and_a_coordinator_goes_on_where_it_was(tmp_path) -> None:
    owners = Owners(3, **FIELDS)
    ring, vectors = encoded(owners)
    folder = tmp_path / "c"

    async def run(stop) -> list[object]:
        async with coordinated(owners, folder) as (coordinator, port, task):
            sites = [site_of(owners, name, folder, port) for name in vectors]
            stops = {"plant-3": stop}
            parts = [asyncio.create_task(site.take_part(vectors[site.name], stops.get(site.name))) for site in sites]
            if stop is None:
                return await asyncio.gather(*parts)
            late = asyncio.create_task(without(coordinator, "plant-3", parts[2]))
            with pytest.raises(CollectiveError, match=r"2 of 3 sites trained \(not plant-3\)") as error:
                await task
            for part in (late, *parts):
                part.cancel()
            await asyncio.gather(late, *parts, return_exceptions=True)
            return [str(error.value), *(vector for site in sites for vector in site.sent)]

    reason, *sent = asyncio.run(run((2, Phase.VECTORS)))
    assert "tried 2 times: run the same command again" in reason
    status = read_status(folder)
    assert (status.opened, status.finished) == (1, False)
    on_disk = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for vector in (*vectors.values(), *sent):
        content = vector.tobytes()
        assert not any(content[start : start + 32] in on_disk for start in range(0, len(content) - 32, 32))
    digests = asyncio.run(run(None))
    assert digests == [expected(ring, vectors, list(vectors), list(vectors))] * 3


def test_what_a_coordinator_refuses(tmp_path) -> None:
    owners, others = Owners(3, **FIELDS), Owners(3, **FIELDS | {"rounds": 3})
    folder = tmp_path / "c"

    async def refused(port: int, message: str, site: VectorSite | None = None, layers: str = LAYERS) -> None:
        async with (site or site_of(owners, "plant-1", folder, port)).client() as client:
            with pytest.raises(CollectiveError, match=message):
                await client.announce(layers)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            _, port, _ = await stack.enter_async_context(coordinated(owners, folder))
            await refused(port, "other layers than the plan's yolov8n", layers="00" * 32)
            await refused(
                port, "has accepted plan .* and this training is of plan", site_of(others, "plant-1", folder, port)
            )
            mixed = site_of(owners, "plant-1", folder, port)
            mixed.connection = site_of(owners, "plant-2", folder, port).connection
            await refused(port, "this token is of plant-2, not of plant-1", mixed)
            stranger = tmp_path / "token"
            stranger.write_text("no such token\n")
            stranger.chmod(0o600)
            mixed.connection = ServiceConnection(f"127.0.0.1:{port}", stranger)
            await refused(port, "this token is unknown", mixed)
            async with site_of(owners, "plant-1", folder, port).client() as client:
                request = pb.AnnounceRequest(
                    caller=pb.RoundCaller(site="plant-1", instance=1, plan=owners.plan.digest),
                    acceptance=owners.memberships["plant-1"].acceptance.to_bytes(),
                    layers=LAYERS,
                    sent_at_us=int((time.time() - 100) * 1e6),
                )
                with pytest.raises(grpc.aio.AioRpcError, match=r"plant-1 is 10. s behind, and may be 60 s off"):
                    await client.stub.Announce(request, metadata=client.connection.metadata())
            first = await stack.enter_async_context(site_of(owners, "plant-1", folder, port).client())
            await first.announce(LAYERS)
            await refused(port, "another program takes part as plant-1", site_of(owners, "plant-1", folder, port, 2))

    asyncio.run(run())


def test_a_plan_never_changes_under_sites(tmp_path) -> None:
    owners = Owners(3, **FIELDS)
    changed = owners.plan.model_copy(update={"clip": 2.0})
    CoordinatorStore.open(tmp_path / "c", owners.plan, initial)
    with pytest.raises(ConflictError, match="a plan never changes under sites that have accepted it"):
        CoordinatorStore.open(tmp_path / "c", changed, initial)

    async def run() -> None:
        async with coordinated(owners, tmp_path / "c") as (coordinator, port, _):
            site = site_of(owners, "plant-1", tmp_path / "c", port)
            async with site.client() as client:
                await client.announce(LAYERS)
                view = await client.watch(None)
                state = coordinator.store.state
                coordinator.attempt.name = AttemptName(changed.digest, 1, 1)
                coordinator.store.state = state
                view.round = 0
                with pytest.raises(CollectiveError, match=r"now follows plan .* the site leaves"):
                    await client.watch(view)

    asyncio.run(run())


def test_tokens_cross_a_network_by_tls_alone_and_weights_are_checked(tmp_path) -> None:
    with pytest.raises(OptionError, match="lets other machines reach the coordinator without TLS"):
        CoordinatorAddress(host="192.0.2.1").check()
    with pytest.raises(OptionError, match="go together"):
        CoordinatorAddress(certificate=tmp_path / "c.pem").check()
    owners = Owners(3, **FIELDS)
    store = CoordinatorStore.open(tmp_path / "c", owners.plan, initial)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "c" / "tokens").iterdir()} == {0o600}
    kept = (tmp_path / "c" / "coordinator.json").read_text()
    assert not any(path.read_text().strip() in kept for path in (tmp_path / "c" / "tokens").iterdir())
    (path,) = (tmp_path / "c").glob("weights-*")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CollectiveError, match="are damaged; restore it"):
        store.weights()


def test_a_site_that_waits_for_long_does_nothing_twice(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypp.collective.coordinator._WAIT_S", 0.05)
    owners = Owners(3, **FIELDS | {"train_minutes": 1})
    ring, vectors = encoded(owners)

    async def run() -> list[str]:
        async with coordinated(owners, tmp_path / "c") as (_, port, _):
            sites = [site_of(owners, name, tmp_path / "c", port) for name in vectors]
            first = [asyncio.create_task(site.take_part(vectors[site.name])) for site in sites[:2]]
            await asyncio.sleep(0.5)
            return [await sites[2].take_part(vectors[sites[2].name]), *await asyncio.gather(*first)]

    assert asyncio.run(run()) == [expected(ring, vectors, list(vectors), list(vectors))] * 3
