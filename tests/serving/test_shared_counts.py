"""Limits of a site hold on several gateways together."""

from contextlib import ExitStack

import pytest

from raypp.serving.call_rates import CallRates
from raypp.serving.quota import CallKind, Presence, Quotas
from raypp.serving.shared_counts import FORGET_S, SharedCounts
from raypp.serving.status import Status, StatusError

_QUOTAS = Quotas(watches=3)


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _gateways(clock: _Clock, number: int = 2) -> list[Presence]:
    return [Presence(_QUOTAS, 100, 500, CallRates(60, 4), clock) for _ in range(number)]


def _share(counts: SharedCounts, gateways: list[Presence], clock: _Clock) -> None:
    for name, gateway in enumerate(gateways):
        gateway.take_others(counts.report(str(name), gateway.report(), clock.now))


def _refused(presence: Presence, owner: str, kind: CallKind) -> str:
    with pytest.raises(StatusError) as caught, presence.taken(owner, kind):
        pass
    assert caught.value.status is Status.RESOURCE_EXHAUSTED
    return str(caught.value)


def test_calls_under_way_on_one_gateway_count_on_the_other() -> None:
    clock, counts = _Clock(), SharedCounts()
    first, second = gateways = _gateways(clock)
    with ExitStack() as stack:
        stack.enter_context(first.taken("site a", CallKind.WATCH))
        stack.enter_context(first.taken("site a", CallKind.WATCH))
        for _ in range(2):
            _share(counts, gateways, clock)
        stack.enter_context(second.taken("site a", CallKind.WATCH))
        assert "site a has 3 watches under way, at most 3" in _refused(second, "site a", CallKind.WATCH)
        for _ in range(2):
            _share(counts, gateways, clock)
        assert "site a has 3 watches under way, at most 3" in _refused(first, "site a", CallKind.WATCH)
        with second.taken("site b", CallKind.WATCH):
            pass
    for _ in range(2):
        _share(counts, gateways, clock)
    with first.taken("site a", CallKind.WATCH):
        pass


@pytest.mark.parametrize("kind", [CallKind.DETECT, CallKind.READ])
def test_a_call_that_another_gateway_has_just_answered_refuses_none(kind: CallKind) -> None:
    clock, counts = _Clock(), SharedCounts()
    first, second = gateways = [Presence(Quotas(reads=1), 100, 500, CallRates(60, 4), clock) for _ in range(2)]
    with first.taken("site a", kind):
        for _ in range(2):
            _share(counts, gateways, clock)
        assert "at most 1" in _refused(first, "site a", kind)
    with second.taken("site a", kind):
        assert "at most 1" in _refused(second, "site a", kind)


def test_calls_a_minute_are_those_on_all_gateways() -> None:
    clock, counts = _Clock(), SharedCounts()
    first, second = gateways = _gateways(clock)
    _share(counts, gateways, clock)  # each is known
    for gateway in (first, first, second, second):
        with gateway.taken("site a", CallKind.READ):
            pass
        _share(counts, gateways, clock)
    _share(counts, gateways, clock)
    for gateway in gateways:
        assert "more than 60 calls a minute by site a" in _refused(gateway, "site a", CallKind.READ)
    clock.now += 1  # a call a second is gained
    with second.taken("site a", CallKind.READ):
        pass
    for _ in range(2):
        _share(counts, gateways, clock)
    assert "calls a minute" in _refused(first, "site a", CallKind.READ)


def test_a_gateway_that_reports_no_more_is_forgotten() -> None:
    clock, counts = _Clock(), SharedCounts()
    first, second = gateways = _gateways(clock)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(first.taken("site a", CallKind.WATCH))
        _share(counts, gateways, clock)
        _refused(second, "site a", CallKind.WATCH)
        clock.now += FORGET_S + 1
        second.take_others(counts.report("1", second.report(), clock.now))
        with second.taken("site a", CallKind.WATCH):
            pass


def test_many_owners_leave_only_those_that_owe() -> None:
    clock = _Clock()
    (gateway,) = _gateways(clock, 1)
    for number in range(10_050):
        with gateway.taken(f"site {number}", CallKind.READ):
            pass
        clock.now += 0.01
    for _ in range(4):
        with gateway.taken("site z", CallKind.READ):
            pass
    assert "calls a minute" in _refused(gateway, "site z", CallKind.READ)
