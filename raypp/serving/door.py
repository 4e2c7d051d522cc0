"""The door, in Serve's proxy: calls are handed on as bytes, and refused by their metadata before they are read."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor

from protos import raypp_pb2 as pb
from raypp.serving.access import Front, read_front_secret
from raypp.serving.guard import Caller, DoorLimits, Guard, address_of
from raypp.serving.refusal_log import RefusalLog, quiet_refusals
from raypp.serving.status import Status, StatusError

SERVICER = "raypp.serving.door.add_sites_to_server"
"""The name that Serve needs among its `grpc_servicer_functions`."""
LIMITS_VARIABLE = "RAYPP_DOOR"
"""Names the variable of each node that holds `DoorLimits` as JSON, where they are not the defaults."""
FRONT_VARIABLE = "RAYPP_FRONT_SECRET_FILE"
"""Names the variable of each node that says where the front's secret is, so that proxies ask for it, too."""
REQUEST_BYTES = 64 << 10
"""Largest message of a method that takes no frames."""
_ADDRESS = "x-real-ip"
_READ_WITHIN_S = 30.0
_HOLD_S, _HELD = 5.0, 1024
"""Calls over a limit are answered after this long, so many of them at most: who repeats them at once gains nothing."""

_Handler = Any
"""A handler whose behaviours are Serve's: they are given bytes and the context of `grpc.aio`, and give bytes."""

logger = logging.getLogger("ray.serve")


def add_sites_to_server(servicer: Any, server: Any) -> None:
    """Add the contract's methods to a proxy's server: as generated code does, but that messages stay bytes.

    Serve puts behaviours of its own in place of the handlers', and passes what they are given to the gateway.
    """
    handlers = {}
    for method in pb.DESCRIPTOR.services_by_name["Sites"].methods:
        path = f"/{method.containing_service.full_name}/{method.name}"
        handlers[path] = _handler(method, getattr(servicer, method.name))
    secret = os.environ.get(FRONT_VARIABLE)
    quiet_refusals(logger)
    front = Front(read_front_secret(Path(secret)) if secret else None)
    server.add_generic_rpc_handlers((Door(handlers, front, Guard(door_limits())),))


def door_limits() -> DoorLimits:
    """Return the limits of this node."""
    return DoorLimits.model_validate_json(os.environ.get(LIMITS_VARIABLE) or "{}")


class Door(grpc.GenericRpcHandler):
    """Finds the handler of a call, and lets the call pass to it or not.

    Args:
        handlers: by path; Serve puts others in their place.
        front: what a call must have come through.
        guard: counts calls.
    """

    def __init__(self, handlers: dict[str, _Handler], front: Front, guard: Guard) -> None:
        self._method_handlers = handlers  # the name by which Serve finds them
        self._front = front
        self._guard = guard
        self._refusals = RefusalLog(logger)
        self._held = 0

    def service(self, details: grpc.HandlerCallDetails) -> _Handler | None:
        """Return what is done with a call; called before anything but its metadata is read."""
        handler = self._method_handlers.get(details.method)
        if handler is None:
            return None
        return grpc.stream_stream_rpc_method_handler(partial(self._call, details, handler))

    async def _call(
        self,
        details: grpc.HandlerCallDetails,
        handler: _Handler,
        requests: AsyncIterator[bytes],
        context: "grpc.aio.ServicerContext[Any, Any]",
    ) -> AsyncGenerator[bytes]:
        try:
            caller = self._enter(details, context)
        except StatusError as status_error:
            if status_error.status is Status.RESOURCE_EXHAUSTED:
                await self._hold()
            self._refuse(status_error, context)
            return
        try:
            if caller.stranger or not handler.request_streaming:
                requests = await self._begun(caller, handler, requests)
            answers = _answers(details.method, handler, requests, context)
            async with aclosing(answers):
                first = True
                async for answer in answers:
                    if first:
                        self._guard.answered(caller, time.monotonic())
                        first = False
                    yield answer
            if context.code() in (Status.UNAUTHENTICATED, Status.UNAUTHENTICATED.value[0]):
                self._guard.unknown(caller)
        except StatusError as status_error:
            self._refuse(status_error, context)
        finally:
            self._guard.leave(caller)

    async def _hold(self) -> None:
        """Keep who is over a limit waiting, unless too many wait already."""
        if self._held >= _HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(_HOLD_S)
        finally:
            self._held -= 1

    def _refuse(self, status_error: StatusError, context: "grpc.aio.ServicerContext[Any, Any]") -> None:
        self._refusals.note(status_error.status.name, str(status_error), time.monotonic())
        context.set_code(status_error.status)
        context.set_details(str(status_error))

    async def _begun(self, caller: Caller, handler: _Handler, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Return a call's messages once the first has come, so that no silent stranger takes a place of the gateway.

        Raises:
            RefusedError: INVALID_ARGUMENT if none comes, RESOURCE_EXHAUSTED where the call has to make way for others.
        """
        reading = asyncio.ensure_future(anext(aiter(requests)))
        self._guard.waits(caller, time.monotonic(), reading.cancel)
        try:
            await asyncio.wait([reading], timeout=_READ_WITHIN_S)
        finally:
            self._guard.waited(caller)
            came = reading.done()
            reading.cancel()
        if not caller.counted:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED, "others came while the message of this call was waited for; try again later"
            )
        error = reading.exception() if came else None
        if not came or (isinstance(error, StopAsyncIteration) and not handler.request_streaming):
            raise StatusError(Status.INVALID_ARGUMENT, f"no message came within {_READ_WITHIN_S:g} s")
        if error is not None and not isinstance(error, StopAsyncIteration):
            raise error
        return _after(() if error is not None else (reading.result(),), requests)

    def _enter(self, details: grpc.HandlerCallDetails, context: "grpc.aio.ServicerContext[Any, Any]") -> Caller:
        metadata = tuple(details.invocation_metadata)
        token = self._front.token_of(metadata)
        given = dict(metadata).get(_ADDRESS) if self._front.asks else None
        return self._guard.enter(token, address_of(str(given or context.peer())), time.monotonic())


async def _after(first: tuple[bytes, ...], rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yield what was read already, then the rest."""
    for message in first:
        yield message
    async for message in rest:
        yield message


async def _answers(
    path: str,
    handler: _Handler,
    requests: AsyncIterator[bytes],
    context: "grpc.aio.ServicerContext[Any, Any]",
) -> AsyncGenerator[bytes]:
    """Yield what Serve answers, with the one request of a method that takes one, which has come."""
    if handler.request_streaming:
        async for answer in handler.stream_stream(requests, context):
            yield answer
        return
    request = await anext(aiter(requests))
    if not path.endswith("/DetectFrames"):
        request = request[: REQUEST_BYTES + 1]  # the gateway sees that it was too long
    if handler.response_streaming:
        async for answer in handler.unary_stream(request, context):
            yield answer
        return
    answer = await handler.unary_unary(request, context)
    if context.code() in (None, 0, Status.OK):
        yield answer


def _handler(method: MethodDescriptor, behaviour: Any) -> _Handler:
    """Return a method's handler, which neither parses nor serializes."""
    if method.client_streaming:
        return grpc.stream_stream_rpc_method_handler(behaviour)
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(behaviour)
    return grpc.unary_unary_rpc_method_handler(behaviour)
