"""How many calls one caller may make: decided by token and address, before a call is read. Pure."""

import hashlib
import ipaddress
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from raypp.serving.status import Status, StatusError

_TOKEN = re.compile(r"rpp_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")
_REMEMBERED = 10_000
_KNOWN_S = 3600.0
_PATIENCE_S = 1.0
_PORT = re.compile(r"^(ipv[46]):(.*):[0-9]+$")

_Value = TypeVar("_Value")


class DoorLimits(BaseModel):
    """Limits of one proxy, and of calls a minute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls_per_minute: int = Field(
        600, ge=1, description="calls of one token; also of one site or operator on all gateways together"
    )
    burst: int = Field(128, ge=1, description="such calls that may come at once, likewise")
    under_way: int = Field(192, ge=1, description="calls of one token under way, streams included")
    strangers_per_minute: int = Field(
        120, ge=1, description="calls from one address with tokens that have not been answered yet"
    )
    strangers_burst: int = Field(40, ge=1, description="likewise, at once")
    strangers_under_way: int = Field(16, ge=1, description="likewise, under way; four times as many from all addresses")


@dataclass
class _Bucket:
    left: float
    at_s: float

    def has_one(self, now_s: float, per_s: float, burst: int) -> bool:
        self.left = min(float(burst), self.left + (now_s - self.at_s) * per_s)
        self.at_s = now_s
        return self.left >= 1


class _Recent(Generic[_Value]):
    """The values of the callers that came last; earlier ones are forgotten."""

    def __init__(self) -> None:
        self._values: OrderedDict[object, _Value] = OrderedDict()

    def get(self, key: object) -> _Value | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: object, value: _Value) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > _REMEMBERED:
            self._values.popitem(last=False)

    def drop(self, key: object) -> None:
        self._values.pop(key, None)


@dataclass(eq=False)
class Caller:
    """Who makes one call, as far as its metadata tells.

    Attributes:
        digest: of its token.
        address: where it comes from.
        stranger: whether the token has not been answered yet.
        counted: whether the call holds a place; one that had to make way does not.
    """

    digest: bytes = field(repr=False)
    address: str
    stranger: bool = False
    counted: bool = False


class Guard:
    """Counts calls by token, and by address for tokens that the service has not answered yet; used from one thread.

    A token that was answered is known for an hour. So a flood of made-up tokens takes nothing from those. Nor do calls
    that say nothing keep others out: where strangers have no place left, the call whose message has been waited for
    longest makes way.

    Args:
        limits: what is let through.
    """

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._known: _Recent[float] = _Recent()
        self._buckets: _Recent[_Bucket] = _Recent()
        self._under_way: dict[object, int] = {}
        self._strangers = 0
        self._waiting: OrderedDict[Caller, tuple[float, Callable[[], object]]] = OrderedDict()

    def enter(self, token: str, address: str, now_s: float) -> Caller:
        """Take a call on.

        Args:
            token: what it carries.
            address: where it comes from.
            now_s: monotonic time.

        Raises:
            RefusedError: UNAUTHENTICATED for what cannot be a token, RESOURCE_EXHAUSTED over a limit.
        """
        limits, well_formed = self._limits, _TOKEN.fullmatch(token) is not None
        caller = Caller(hashlib.sha256(token.encode()).digest(), address)
        until_s = self._known.get(caller.digest) if well_formed else None
        caller.stranger = until_s is None or until_s < now_s
        key = address if caller.stranger else caller.digest
        per_minute = limits.strangers_per_minute if caller.stranger else limits.calls_per_minute
        burst = limits.strangers_burst if caller.stranger else limits.burst
        bucket = self._buckets.get(key) or _Bucket(burst, now_s)
        self._buckets.put(key, bucket)
        if not bucket.has_one(now_s, per_minute / 60, burst):
            whose = "from this address by unknown tokens" if caller.stranger else "by this token"
            raise StatusError(
                Status.RESOURCE_EXHAUSTED, f"more than {per_minute} calls a minute {whose}; try again later"
            )
        if not well_formed:
            bucket.left -= 1
            raise StatusError(
                Status.UNAUTHENTICATED, "no token, or a malformed one; send the token of `raypp site add`"
            )
        most = limits.strangers_under_way if caller.stranger else limits.under_way
        has_place = self._has_place(key, most, now_s) and (
            not caller.stranger or self._has_place(None, 4 * most, now_s)
        )
        if not has_place:
            what = "calls of unknown tokens" if caller.stranger else "calls of this token"
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"{most} {what} are under way, the most; try again later")
        bucket.left -= 1
        self._count(caller, 1)
        return caller

    def waits(self, caller: Caller, now_s: float, give_up: Callable[[], object]) -> None:
        """Note that a call's message has not come.

        Args:
            caller: whose call.
            now_s: monotonic time.
            give_up: called where a stranger's call makes way; it holds no place from then on.
        """
        if caller.stranger:
            self._waiting[caller] = now_s, give_up

    def waited(self, caller: Caller) -> None:
        """Note that a call's message has come, or is not waited for any more."""
        self._waiting.pop(caller, None)

    def leave(self, caller: Caller) -> None:
        """Note that a call is over."""
        self.waited(caller)
        if caller.counted:
            self._count(caller, -1)

    def answered(self, caller: Caller, now_s: float) -> None:
        """Note that the service has answered a call: its token is good, and the call no stranger's any more."""
        if caller.stranger:
            self._count(caller, -1)
            caller.stranger = False
            self._count(caller, 1)
        self._known.put(caller.digest, now_s + _KNOWN_S)

    def unknown(self, caller: Caller) -> None:
        """Note that the service does not take a call's token."""
        self._known.drop(caller.digest)

    def _has_place(self, key: object | None, most: int, now_s: float) -> bool:
        """Whether one more call of a key, or of any stranger, has a place; without one left, a waiting call makes way.

        Of one address, only a call that is late does: many may come at once when a service has started.
        """
        count = self._strangers if key is None else self._under_way.get(key, 0)
        if count < most:
            return True
        for waiting, (since_s, give_up) in self._waiting.items():
            if key is None or (waiting.address == key and since_s <= now_s - _PATIENCE_S):
                del self._waiting[waiting]
                self._count(waiting, -1)
                give_up()
                return True
        return False

    def _count(self, caller: Caller, step: int) -> None:
        caller.counted = step > 0
        key = caller.address if caller.stranger else caller.digest
        count = self._under_way.pop(key, 0) + step
        if count:
            self._under_way[key] = count
        if caller.stranger:
            self._strangers += step


def address_of(peer: str) -> str:
    """Return the address that counts as one caller: of an IPv6 address, its network of 64 bits.

    Args:
        peer: as gRPC names it, such as "ipv4:10.0.0.1:4242", or an address alone.
    """
    match = _PORT.match(peer)
    text = (match[2] if match else peer).replace("%5B", "").replace("%5D", "").strip("[]")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:100]
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
