"""Calls of one site or operator, counted from the moment its token is known: those that last on all gateways. Pure."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from raypp.serving.call_rates import CallRates
from raypp.serving.shared_counts import Report
from raypp.serving.status import Status, StatusError


class CallKind(StrEnum):
    """Kinds of calls; each is counted together."""

    STREAM = "streams"
    DETECT = "calls of DetectFrames"
    WATCH = "watches"
    READ = "other calls"
    PAGE = "pages"


_LASTING = {CallKind.STREAM, CallKind.WATCH}
"""Kinds that hold on all gateways together.

Another gateway's word of a call is up to a second old. A call that answers once has ended by then: counted elsewhere,
it would refuse the next of a client that makes one after another.
"""


class Quotas(BaseModel):
    """Limits of one site or operator: calls under way, and rows to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detects: int = Field(1, ge=1, le=1000, description="calls of DetectFrames under way on a gateway")
    watches: int = Field(16, ge=1, le=1000, description="calls of WatchEpisodes under way on all gateways")
    reads: int = Field(16, ge=1, le=1000, description="other calls that answer once, under way on a gateway")
    kept_for_streams: float = Field(
        0.75, ge=0, le=0.99, description="part of `streams_per_gateway` that nothing but streams may take"
    )
    cameras: int = Field(256, ge=1, le=100_000, description="cameras of one site that are kept, ever")
    devices: int = Field(64, ge=1, le=10_000, description="devices of one site that are kept, until they are retired")


class Presence:
    """Calls on one gateway, counted with those that other gateways tell of; used from one thread.

    Watches last, and pages are asked for without a token. So all watches together take half of the places beside
    streams' at most, and pages a quarter: they shut no other call out.

    Args:
        quotas: of one site or operator.
        streams: connections of StreamFrames that one may have, whether they have said `open` or not.
        places: calls that the gateway takes on.
        rates: how many calls one may make a minute.
        clock: gives monotonic time.
    """

    def __init__(
        self,
        quotas: Quotas,
        streams: int,
        places: int,
        rates: CallRates,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
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
        self._elsewhere: Mapping[tuple[str, str], int] = {}
        self._begun: Counter[str] = Counter()
        self._rates = rates
        self._clock = clock

    def __len__(self) -> int:
        return sum(self._counts.values())

    def report(self) -> Report:
        """Return what other gateways count with theirs: calls that last, and what began since the report before."""
        begun, self._begun = self._begun, Counter()
        own = {(owner, kind.value): count for (owner, kind), count in self._counts.items() if kind in _LASTING}
        return Report(own, dict(begun))

    def take_others(self, others: Report) -> None:
        """Count with what all other gateways report: calls that last, and what began there."""
        self._elsewhere = others.under_way
        now_s = self._clock()
        for owner, calls in others.begun.items():
            self._rates.spend(owner, calls, now_s)

    @contextmanager
    def taken(self, owner: str, kind: CallKind) -> Iterator[None]:
        """Hold a place for one call.

        Args:
            owner: site or operator, whatever its token.
            kind: what is called.

        Raises:
            RefusedError: RESOURCE_EXHAUSTED where the owner has as many as it may, or no place is left beside streams'.
        """
        key, other, own = (owner, kind), kind is not CallKind.STREAM, kind is not CallKind.PAGE
        count, most = self._counts.get(key, 0) + self._elsewhere.get((owner, kind.value), 0), self._most[kind]
        if count >= most:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED, f"{owner} has {count} {kind} under way, at most {most}; end some first"
            )
        if own:
            self._rates.require(owner, self._clock())
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
        self._counts[key] = self._counts.get(key, 0) + 1
        if own:
            self._begun[owner] += 1
            self._rates.spend(owner, 1, self._clock())
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
