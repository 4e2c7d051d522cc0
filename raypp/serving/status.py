"""Refusing a call: a standard status, and one clear line."""

import grpc

from raypp.errors import (
    FoldError,
    ForbiddenError,
    LedgerFullError,
    LedgerUnavailableError,
    OptionError,
    RayppError,
    SettingsError,
    SiteMovingError,
    StaleStreamError,
    StreamRefusedError,
    TooManyCamerasError,
    TooManyDevicesError,
    TooManyStreamsError,
    UnauthenticatedError,
    UnknownSiteError,
    WireError,
    WireLimitError,
)

Status = grpc.StatusCode

_STATUS_OF: tuple[tuple[type[RayppError], Status], ...] = (
    (WireLimitError, Status.RESOURCE_EXHAUSTED),
    (TooManyCamerasError, Status.RESOURCE_EXHAUSTED),
    (TooManyDevicesError, Status.RESOURCE_EXHAUSTED),
    (TooManyStreamsError, Status.RESOURCE_EXHAUSTED),
    (WireError, Status.INVALID_ARGUMENT),
    (OptionError, Status.INVALID_ARGUMENT),
    (UnauthenticatedError, Status.UNAUTHENTICATED),
    (ForbiddenError, Status.PERMISSION_DENIED),
    (UnknownSiteError, Status.NOT_FOUND),
    (StaleStreamError, Status.ABORTED),
    (StreamRefusedError, Status.FAILED_PRECONDITION),
    (SettingsError, Status.FAILED_PRECONDITION),
    (FoldError, Status.FAILED_PRECONDITION),
    (SiteMovingError, Status.UNAVAILABLE),
)
"""The first that fits counts."""
_FULL = "the ledger's disk is full; make room, nothing was written"
_UNAVAILABLE = "the ledger cannot be reached just now; try again"


class StatusError(RayppError):
    """A call is refused.

    Attributes:
        status: the status that the caller is given.
    """

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status = status

    def __reduce__(self) -> tuple[type["StatusError"], tuple[Status, str]]:
        return StatusError, (self.status, str(self))


def status_of(error: BaseException) -> StatusError:
    """Return what a caller is told of an error: ours in their own words, others without any.

    Where a ledger is, and what its database says, is for the log alone: a caller may have no token yet.
    """
    if isinstance(error, StatusError):
        return error
    if isinstance(error, LedgerUnavailableError) and not isinstance(error, SiteMovingError):
        return StatusError(Status.UNAVAILABLE, _FULL if isinstance(error, LedgerFullError) else _UNAVAILABLE)
    for kind, status in _STATUS_OF:
        if isinstance(error, kind):
            return StatusError(status, "; ".join(line.strip() for line in str(error).splitlines()))
    return StatusError(Status.INTERNAL, "the service failed on this call; its log says why")
