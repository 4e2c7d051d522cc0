"""Calls under way of one site or operator, counted from the moment its token is known. Pure."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from raypp.serving.status import Status, StatusError


class CallKind(StrEnum):
    """Kinds of calls; each is counted together."""

    STREAM = "streams"
    DETECT = "calls of DetectFrames"
    WATCH = "watches"
    READ = "other calls"
    PAGE = "pages"


class Quotas(BaseModel):
    """Limits of one site or operator: calls under way on one gateway, and rows to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detects: int = Field(1, ge=1, le=1000, description="calls of DetectFrames under way")
    watches: int = Field(16, ge=1, le=1000, description="calls of WatchEpisodes under way")
    reads: int = Field(16, ge=1, le=1000, description="other calls that answer once, under way")
    kept_for_streams: float = Field(
        0.75, ge=0, le=0.99, description="part of `streams_per_gateway` that nothing but streams may take"
    )
    cameras: int = Field(256, ge=1, le=100_000, description="cameras of one site that are kept, ever")


class Presence:
    """Calls under way on one gateway; used from one thread.

    Watches last, and pages are asked for without a token. So all watches together take half of the places beside
    streams' at most, and pages a quarter: they shut no other call out.

    Args:
        quotas: of one site or operator.
        streams: connections of StreamFrames that one may have, whether they have said `open` or not.
        places: calls that the gateway takes on.
    """

    def __init__(self, quotas: Quotas, streams: int, places: int) -> None:
        others = max(1, int(places * (1 - quotas.kept_for_streams)))
        self._most = {
            CallKind.STREAM: streams,
            CallKind.DETECT: quotas.detects,
            CallKind.WATCH: quotas.watches,
            CallKind.READ: quotas.reads,
            CallKind.PAGE: max(1, others // 4),
        }
        self._most_others, self._most_watches = others, max(1, others // 2)
        self._others = self._watches = 0
        self._counts: dict[tuple[str, CallKind], int] = {}

    def __len__(self) -> int:
        return sum(self._counts.values())

    @contextmanager
    def taken(self, owner: str, kind: CallKind) -> Iterator[None]:
        """Hold a place for one call.

        Args:
            owner: site or operator, whatever its token.
            kind: what is called.

        Raises:
            RefusedError: RESOURCE_EXHAUSTED where the owner has as many as it may, or no place is left beside streams'.
        """
        key, other = (owner, kind), kind is not CallKind.STREAM
        count, most = self._counts.get(key, 0), self._most[kind]
        if count >= most:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED, f"{owner} has {count} {kind} under way, at most {most}; end some first"
            )
        if other and self._others >= self._most_others:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED,
                f"{self._others} calls are under way, and the other places are kept for streams; try again later",
            )
        watch = kind is CallKind.WATCH
        if watch and self._watches >= self._most_watches:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED,
                f"{self._watches} watches are under way, and the other places are kept for calls that end soon; "
                "try again later",
            )
        self._counts[key] = count + 1
        self._others += other
        self._watches += watch
        try:
            yield
        finally:
            self._others -= other
            self._watches -= watch
            if self._counts[key] == 1:
                del self._counts[key]
            else:
                self._counts[key] -= 1
