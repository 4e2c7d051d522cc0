"""The service `Rounds`: who calls is checked here, and what is said goes to the coordinator."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import grpc.aio

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import RoundsServicer, add_RoundsServicer_to_server
from raypp.collective.coordinator import MOST_CLOCK_S, Coordinator, GoneError, TakenError
from raypp.collective.documents import Acceptance, parse_signed
from raypp.collective.listening import CoordinatorAddress
from raypp.collective.messages import (
    PIECE_BYTES,
    answer_of,
    attempt_name,
    entry_of,
    roll_of,
    sealed_of,
    vector_of,
    view_of,
)
from raypp.collective.round import Phase
from raypp.errors import CollectiveError
from raypp.serving.access import Front
from raypp.serving.status import Status, StatusError

_MOST_MESSAGE_BYTES = 4 << 20
_GRACE_S = 2.0

Reply = TypeVar("Reply")


class RoundsService(RoundsServicer):
    """Serves a coordinator.

    Args:
        coordinator: leads the training.
        front: the TLS front, or its absence.
    """

    def __init__(self, coordinator: Coordinator, front: Front) -> None:
        self._coordinator, self._front = coordinator, front

    async def Announce(self, request: pb.AnnounceRequest, context: Any) -> pb.AnnounceResponse:  # noqa: N802
        """Take a site in, if plan, acceptance, layers and clock are right."""

        async def answer() -> pb.AnnounceResponse:
            site = self._site(request.caller, context)
            state = self._coordinator.store.state
            off_s = (request.sent_at_us - time.time() * 1e6) / 1e6
            if abs(off_s) > MOST_CLOCK_S:
                raise CollectiveError(
                    f"the clock of {site} is {abs(off_s):.0f} s {'ahead' if off_s > 0 else 'behind'}, and may be "
                    f"{MOST_CLOCK_S:.0f} s off; set it by NTP"
                )
            acceptance = parse_signed(Acceptance, request.acceptance)
            if acceptance.site != site:
                raise CollectiveError(f"the acceptance is of {acceptance.site}, and {site} takes part with it")
            acceptance.check(state.plan)
            if request.layers != state.layers:
                raise CollectiveError(
                    f"{site} would share other layers than the plan's {state.plan.architecture}; install the same "
                    "raypp and ultralytics everywhere, and give the plan's weights"
                )
            self._coordinator.enter(site, request.caller.instance, anew=True)
            return pb.AnnounceResponse(sent_at_us=int(time.time() * 1e6), weights=self._coordinator.weights)

        return await _answered(answer, context)

    async def WatchRound(self, request: pb.WatchRoundRequest, context: Any) -> pb.WatchRoundResponse:  # noqa: N802
        """Say where the training is, once it is elsewhere than the site knows."""

        async def answer() -> pb.WatchRoundResponse:
            site, caller = self._entered(request.caller, context), request.caller
            known = Phase(request.phase) if request.phase else Phase.OPENED
            await self._coordinator.wait(site, (caller.round, caller.attempt, known))
            attempt, state = self._coordinator.attempt, self._coordinator.store.state
            if state.finished or attempt is None:
                plan = state.plan.digest
                return pb.WatchRoundResponse(plan=plan, round=state.round, base=state.model, finished=state.finished)
            return view_of(attempt, site)

        return await _answered(answer, context)

    async def ShareKeys(self, request: pb.ShareKeysRequest, context: Any) -> pb.ShareKeysResponse:  # noqa: N802
        """Take a site's keys."""

        async def answer() -> pb.ShareKeysResponse:
            site, entry = self._entered(request.caller, context), entry_of(request.entry)
            if entry.keys.site != site:
                raise CollectiveError(f"{site} handed in keys of {entry.keys.site}")
            await self._coordinator.change(attempt_name(request.caller), lambda attempt: attempt.add_entry(entry))
            return pb.ShareKeysResponse()

        return await _answered(answer, context)

    async def ShareSecrets(self, request: pb.ShareSecretsRequest, context: Any) -> pb.ShareSecretsResponse:  # noqa: N802
        """Take a site's sealed shares."""

        async def answer() -> pb.ShareSecretsResponse:
            site, sealed = self._entered(request.caller, context), sealed_of(request.shares)
            name = attempt_name(request.caller)
            await self._coordinator.change(name, lambda attempt: attempt.add_shares(site, sealed))
            return pb.ShareSecretsResponse()

        return await _answered(answer, context)

    async def Submit(self, requests: AsyncIterator[pb.SubmitRequest], context: Any) -> pb.SubmitResponse:  # noqa: N802
        """Add a site's masked vector to the sum; it is written nowhere."""

        async def answer() -> pb.SubmitResponse:
            caller, content, size = None, bytearray(), self._coordinator.weights + 1
            async for request in requests:
                if caller is None:
                    caller = request.caller
                    self._entered(caller, context)
                content += request.values
                if len(content) > 4 * size:
                    raise CollectiveError(f"a vector has more than {4 * size:,} bytes; join again")
            if caller is None:
                raise CollectiveError("a vector has no bytes; join again")
            site, vector = caller.site, vector_of(bytes(content), size)
            await self._coordinator.change(attempt_name(caller), lambda attempt: attempt.add_vector(site, vector))
            return pb.SubmitResponse()

        return await _answered(answer, context)

    async def SignRoll(self, request: pb.SignRollRequest, context: Any) -> pb.SignRollResponse:  # noqa: N802
        """Take a site's signature of who is in the sum."""

        async def answer() -> pb.SignRollResponse:
            site, roll = self._entered(request.caller, context), roll_of(request.roll)
            if roll.site != site:
                raise CollectiveError(f"{site} handed in a roll of {roll.site}")
            await self._coordinator.change(attempt_name(request.caller), lambda attempt: attempt.add_roll(roll))
            return pb.SignRollResponse()

        return await _answered(answer, context)

    async def Unmask(self, request: pb.UnmaskRequest, context: Any) -> pb.UnmaskResponse:  # noqa: N802
        """Take a site's shares for opening the sum."""

        async def answer() -> pb.UnmaskResponse:
            site, opening = self._entered(request.caller, context), answer_of(request)
            name = attempt_name(request.caller)
            await self._coordinator.change(name, lambda attempt: attempt.add_answer(site, opening))
            return pb.UnmaskResponse()

        return await _answered(answer, context)

    async def GetModel(self, request: pb.GetModelRequest, context: Any) -> AsyncIterator[pb.GetModelResponse]:  # noqa: N802
        """Give the common weights."""
        try:
            site, store = self._entered(request.caller, context), self._coordinator.store
            if request.model != store.state.model:
                raise GoneError("these weights are of another round; look where the training is")
            content = store.weights()
        except (CollectiveError, StatusError) as error:
            await _abort(error, context)
        for start in range(0, len(content), PIECE_BYTES):
            yield pb.GetModelResponse(values=content[start : start + PIECE_BYTES])
        await self._coordinator.note_fetched(site)

    def _site(self, caller: pb.RoundCaller, context: Any) -> str:
        """Return the site that calls; raises StatusError unless the token is its, and the plan this one."""
        token = self._front.token_of(context.invocation_metadata())
        store = self._coordinator.store
        site = store.site_of(token)
        if site is None:
            raise StatusError(Status.UNAUTHENTICATED, "this token is unknown; use the one that the coordinator made")
        if site != caller.site:
            raise StatusError(
                Status.PERMISSION_DENIED,
                f"this token is of {site}, not of {caller.site[:100]}; use the one that the coordinator made for it",
            )
        if caller.plan != store.state.plan.digest:
            raise CollectiveError(
                f"{site} has accepted plan {caller.plan[:12]}, and this training is of plan "
                f"{store.state.plan.digest[:12]}; get that one, and let the owner accept it"
            )
        return site

    def _entered(self, caller: pb.RoundCaller, context: Any) -> str:
        site = self._site(caller, context)
        self._coordinator.enter(site, caller.instance)
        return site


@asynccontextmanager
async def serving(coordinator: Coordinator, address: CoordinatorAddress) -> AsyncIterator[int]:
    """Serve a coordinator within the block; gives the port.

    Raises:
        CollectiveError: if the address is taken.
    """
    server = grpc.aio.server(
        options=[("grpc.max_receive_message_length", _MOST_MESSAGE_BYTES), ("grpc.so_reuseport", 0)]
    )
    add_RoundsServicer_to_server(RoundsService(coordinator, address.front()), server)  # type: ignore[no-untyped-call]
    try:
        port = address.add_to(server)
    except RuntimeError:
        raise CollectiveError(f"cannot listen at {address.host}:{address.port}; choose another `port`") from None
    await server.start()
    try:
        yield port
    finally:
        await server.stop(_GRACE_S)


async def _answered(answer: Callable[[], Awaitable[Reply]], context: Any) -> Reply:
    try:
        return await answer()
    except (CollectiveError, StatusError) as error:
        await _abort(error, context)


async def _abort(error: CollectiveError | StatusError, context: Any) -> NoReturn:
    """Refuse a call: a standard status, and one line."""
    if isinstance(error, StatusError):
        status = error.status
    elif isinstance(error, GoneError):
        status = Status.ABORTED
    else:
        status = Status.ALREADY_EXISTS if isinstance(error, TakenError) else Status.FAILED_PRECONDITION
    await context.abort(status, "; ".join(str(error).splitlines()))
    raise error  # abort has raised
