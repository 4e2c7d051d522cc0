"""A site's calls of the coordinator."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import grpc.aio
import numpy as np

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import RoundsStub
from raypp.collective.documents import Roll
from raypp.collective.membership import SiteMember
from raypp.collective.messages import answer_message, entry_message, sealed_messages, submit_messages
from raypp.collective.ring import Words
from raypp.collective.round import AttemptName, Entry, OpeningAnswer, Phase
from raypp.collective.weights import Vector, vector_digest
from raypp.edge.uplink.connection import ServiceConnection, what_failed
from raypp.errors import CollectiveError
from raypp.io.backoff import Backoff

_CALL_S, _VECTOR_S = 60.0, 1800.0
_FIRST_S, _LONGEST_S = 0.5, 10.0
_PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}

Result = TypeVar("Result")


class AttemptOverError(CollectiveError):
    """The attempt that a call was of is over."""


@dataclass(frozen=True)
class RoundsClient:
    """Calls the coordinator for a site.

    Attributes:
        connection: how it is reached.
        membership: the site's.
        instance: number of this program.
        patience_s: how long it may be out of reach.
        stub: of an open channel.
    """

    connection: ServiceConnection
    membership: SiteMember
    instance: int
    patience_s: float
    stub: RoundsStub

    @classmethod
    @asynccontextmanager
    async def open(
        cls, connection: ServiceConnection, membership: SiteMember, instance: int, patience_s: float
    ) -> AsyncIterator["RoundsClient"]:
        """Give a client within the block."""
        async with connection.channel() as channel:
            yield cls(connection, membership, instance, patience_s, RoundsStub(channel))  # type: ignore[no-untyped-call]

    async def announce(self, layers: str) -> int:
        """Take part.

        Args:
            layers: digest of the shared layers.

        Returns:
            How many weights are shared.

        Raises:
            CollectiveError: if the coordinator refuses.
        """

        def call() -> Any:
            request = pb.AnnounceRequest(
                caller=self._caller(),
                acceptance=self.membership.acceptance.to_bytes(),
                layers=layers,
                sent_at_us=int(time.time() * 1e6),
            )
            return self.stub.Announce(request, metadata=self.connection.metadata(), timeout=_CALL_S)

        return int((await self._patiently(call)).weights)

    async def watch(self, known: pb.WatchRoundResponse | None) -> pb.WatchRoundResponse:
        """Return where the training is, once it is elsewhere than known; raises CollectiveError for another plan."""
        known = known or pb.WatchRoundResponse()

        def call() -> Any:
            caller = self._caller(AttemptName(self.membership.acceptance.plan, known.round, known.attempt))
            request = pb.WatchRoundRequest(caller=caller, phase=known.phase)
            return self.stub.WatchRound(request, metadata=self.connection.metadata(), timeout=_CALL_S)

        view: pb.WatchRoundResponse = await self._patiently(call)
        while _place(view) == _place(known):  # it only waited for so long
            view = await self._patiently(call)
        if view.plan != self.membership.acceptance.plan:
            raise CollectiveError(
                f"the coordinator now follows plan {view.plan[:12]}, and this site's owner has accepted "
                f"{self.membership.acceptance.plan[:12]}; the site leaves, and sends nothing more"
            )
        return view

    async def share_keys(self, name: AttemptName, entry: Entry) -> None:
        """Hand in public keys."""
        request = pb.ShareKeysRequest(caller=self._caller(name), entry=entry_message(entry))
        await self._patiently(
            lambda: self.stub.ShareKeys(request, metadata=self.connection.metadata(), timeout=_CALL_S)
        )

    async def share_secrets(self, name: AttemptName, sealed: dict[str, bytes]) -> None:
        """Hand in sealed shares."""
        request = pb.ShareSecretsRequest(caller=self._caller(name), shares=sealed_messages(sealed))
        await self._patiently(
            lambda: self.stub.ShareSecrets(request, metadata=self.connection.metadata(), timeout=_CALL_S)
        )

    async def submit(self, name: AttemptName, vector: Words) -> None:
        """Hand in a masked vector."""

        def call() -> Any:
            messages = submit_messages(self._caller(name), vector)
            return self.stub.Submit(messages, metadata=self.connection.metadata(), timeout=_VECTOR_S)

        await self._patiently(call)

    async def sign(self, name: AttemptName, roll: Roll) -> None:
        """Hand in a signed roll."""
        request = pb.SignRollRequest(caller=self._caller(name), roll=roll.to_bytes())
        await self._patiently(lambda: self.stub.SignRoll(request, metadata=self.connection.metadata(), timeout=_CALL_S))

    async def unmask(self, name: AttemptName, answer: OpeningAnswer) -> None:
        """Hand in shares for opening the sum."""
        request = answer_message(self._caller(name), answer)
        await self._patiently(lambda: self.stub.Unmask(request, metadata=self.connection.metadata(), timeout=_CALL_S))

    async def model(self, digest: str, size: int) -> Vector:
        """Return the common weights of a digest, float32[P].

        Raises:
            CollectiveError: if they are other ones.
        """

        async def call() -> bytes:
            request, content = pb.GetModelRequest(caller=self._caller(), model=digest), bytearray()
            async for piece in self.stub.GetModel(request, metadata=self.connection.metadata(), timeout=_VECTOR_S):
                content += piece.values
                if len(content) > 4 * size:
                    break
            return bytes(content)

        content = await self._patiently(call)
        weights = np.frombuffer(content, dtype="<f4").astype(np.float32) if len(content) == 4 * size else None
        if weights is None or vector_digest(weights) != digest or not np.isfinite(weights).all():
            raise CollectiveError("the coordinator sent other weights than it named; the site leaves")
        return weights

    def _caller(self, name: AttemptName | None = None) -> pb.RoundCaller:
        acceptance = self.membership.acceptance
        numbers = {"round": name.round, "attempt": name.attempt} if name else {}
        return pb.RoundCaller(site=acceptance.site, instance=self.instance, plan=acceptance.plan, **numbers)

    async def _patiently(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Call, and call again while the coordinator is out of reach, until patience ends."""
        backoff, until = Backoff(_FIRST_S, _LONGEST_S, jitter=True), time.monotonic() + self.patience_s
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                why = what_failed(error.code(), error.details())
                if error.code() is grpc.StatusCode.ABORTED:
                    raise AttemptOverError(why) from None
                if error.code() not in _PASSING or time.monotonic() > until:
                    place = self.connection.server
                    raise CollectiveError(f"{place}: {why}" if error.code() in _PASSING else why) from None
            await asyncio.sleep(backoff.wait_s())


def _place(view: pb.WatchRoundResponse) -> tuple[int, int, int, bool]:
    return view.round, view.attempt, view.phase, view.finished


def phase_of(view: pb.WatchRoundResponse) -> Phase:
    """Return what an attempt waits for."""
    return Phase(view.phase)
