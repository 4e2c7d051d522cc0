"""A site that hands in a given vector each round, as a program: `python -m tests.collective.vector_site ...`."""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np

from raypp.collective.client import AttemptOverError, RoundsClient, phase_of
from raypp.collective.member import MemberAttempt
from raypp.collective.membership import SiteMember
from raypp.collective.messages import entry_of, roll_of, sealed_of
from raypp.collective.plan import CollectivePlan, load_collective_plan
from raypp.collective.ring import UpdateRing, Words
from raypp.collective.round import AttemptName, Phase
from raypp.edge.uplink.connection import ServiceConnection


class VectorSite:
    """A site that hands in given vectors, and stops before a phase of a round if it is told to."""

    def __init__(
        self, plan: CollectivePlan, member: SiteMember, connection: ServiceConnection, layers: str, instance: int = 1
    ) -> None:
        self.plan, self.membership, self.connection = plan, member, connection
        self.layers, self.instance = layers, instance
        self.name, self.opened = member.site, {}
        self.sent: list[Words] = []

    @asynccontextmanager
    async def client(self) -> AsyncIterator[RoundsClient]:
        async with RoundsClient.open(self.connection, self.membership, self.instance, 5) as client:
            yield client

    async def take_part(self, vector: Words, stop: tuple[int, Phase] | None = None) -> str:
        async with self.client() as client:
            await client.announce(self.layers)
            view, attempt = None, None
            while True:
                view = await client.watch(view)
                if view.finished:
                    weights = await client.model(view.base, len(vector) - 1)
                    return hashlib.sha256(weights.tobytes()).hexdigest()
                name, phase = AttemptName(view.plan, view.round, view.attempt), phase_of(view)
                if stop == (view.round, phase):
                    return "stopped"
                with suppress(AttemptOverError):
                    if phase is Phase.KEYS:
                        attempt = MemberAttempt(self.plan, self.membership, name, view.base)
                        await client.share_keys(name, attempt.entry())
                    elif attempt is None or attempt.name != name:
                        continue
                    elif phase is Phase.SHARES and view.entries:
                        await client.share_secrets(name, attempt.shares(map(entry_of, view.entries)))
                    elif phase is Phase.VECTORS and view.shares:
                        self.sent.append(attempt.masked(vector, sealed_of(view.shares)))
                        await client.submit(name, self.sent[-1])
                    elif phase is Phase.ROLL and self.name in view.members:
                        await client.sign(name, attempt.roll(tuple(view.members), self.opened.get(view.round)))
                    elif phase is Phase.OPENING and attempt.has_signed:
                        self.opened[view.round] = tuple(view.members)
                        await client.unmask(name, attempt.answer(map(roll_of, view.rolls)))


def vector_for(plan: CollectivePlan, site: str, size: int) -> Words:
    """The vector of a site: an update of its own, by its name."""
    chance = np.random.default_rng(list(site.encode()))
    update = chance.uniform(-0.01, 0.01, size).astype(np.float32)
    return UpdateRing(plan.clip, len(plan.sites), plan.most_frames).encode(update, 1000 + int(chance.integers(1000)))


def main(port: str, plan_path: str, member_path: str, coordinator: str, stops: str) -> None:
    """Take part; where it stops after its shares, say so, and stay until it is killed."""
    plan, member = load_collective_plan(Path(plan_path)), SiteMember.read(Path(member_path))
    folder = Path(coordinator)
    (weights,) = folder.glob("weights-*")
    layers = json.loads((folder / "coordinator.json").read_text())["layers"]
    connection = ServiceConnection(f"127.0.0.1:{port}", folder / "tokens" / f"{member.site}.token")
    site = VectorSite(plan, member, connection, layers)
    vector = vector_for(plan, member.site, weights.stat().st_size // 4)
    print(asyncio.run(site.take_part(vector, (1, Phase.VECTORS) if stops == "stops" else None)), flush=True)
    if stops == "stops":
        time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
