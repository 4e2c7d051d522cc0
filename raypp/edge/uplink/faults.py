"""Faults that end a connection, by what trying again may do."""

import grpc

from raypp.edge.uplink.connection import is_not_served_yet, what_failed
from raypp.errors import SiteError

_REFUSALS = {
    grpc.StatusCode.UNAUTHENTICATED: "the token is not accepted; ask the service's operator for a new one",
    grpc.StatusCode.PERMISSION_DENIED: "the token does not allow this",
    grpc.StatusCode.FAILED_PRECONDITION: "the stream does not fit the service",
    grpc.StatusCode.INVALID_ARGUMENT: "the service finds the stream malformed",
    grpc.StatusCode.NOT_FOUND: "the service knows no such site or model",
    grpc.StatusCode.UNIMPLEMENTED: "the service does not offer this; is it a raypp service?",
}

_BOTH_ENDED = "Internal error from Core"
"""What grpc.aio says where it wrote while the service refused: the next try is told the reason."""
_PUZZLES = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS}


class RefusedError(SiteError):
    """The service will not take the stream as it is: a person must act."""


class ConnectionFailedError(SiteError):
    """The link or the service failed; trying again may do."""


class BusyError(SiteError):
    """The service's limits for this site are met: trying again later will do."""


class SlowChunkError(ConnectionFailedError):
    """A chunk has not been committed in time; trying again may do, if it may take longer."""


class PuzzlingError(ConnectionFailedError):
    """The service failed in a way that trying again mends only if it was an accident."""


class MovingError(SiteError):
    """The service asks to connect anew, at once."""


def meaning(code: grpc.StatusCode, details: str) -> SiteError:
    """Return the fault that a status of the service stands for."""
    reason = what_failed(code, details)
    if is_not_served_yet(code, details):
        return ConnectionFailedError("the service is not served yet")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return BusyError(f"the service takes no more of this site just now ({reason})")
    if code in _PUZZLES and details != _BOTH_ENDED:
        return PuzzlingError(f"{code.name}: {reason}")
    if code in _REFUSALS:
        return RefusedError(f"{_REFUSALS[code]} ({code.name}: {reason})")
    return ConnectionFailedError(f"{code.name}: {reason}")
