"""Calls under way of one site, and places that are kept for streams."""

from contextlib import ExitStack

import pytest

from raypp.serving.call_rates import CallRates
from raypp.serving.quota import CallKind, Presence, Quotas
from raypp.serving.status import Status, StatusError


def _refused(presence: Presence, owner: str, kind: CallKind) -> str:
    with pytest.raises(StatusError) as caught, presence.taken(owner, kind):
        pass
    assert caught.value.status is Status.RESOURCE_EXHAUSTED
    return str(caught.value)


def test_an_owner_has_so_many_of_each_kind_and_gets_places_back() -> None:
    presence = Presence(Quotas(watches=2), streams=1, places=500, rates=CallRates(600, 128))
    with ExitStack() as stack:
        for kind in (CallKind.WATCH, CallKind.WATCH, CallKind.DETECT, CallKind.STREAM):
            stack.enter_context(presence.taken("site a", kind))
        assert "site a has 2 watches under way, at most 2" in _refused(presence, "site a", CallKind.WATCH)
        assert "DetectFrames" in _refused(presence, "site a", CallKind.DETECT)
        assert "1 streams" in _refused(presence, "site a", CallKind.STREAM)
        stack.enter_context(presence.taken("site b", CallKind.WATCH))
        assert len(presence) == 5
    assert len(presence) == 0
    with presence.taken("site a", CallKind.STREAM):
        pass


def test_other_calls_leave_places_to_streams() -> None:
    presence = Presence(Quotas(kept_for_streams=0.75), streams=100, places=8, rates=CallRates(600, 128))
    with ExitStack() as stack:
        for number in range(2):
            stack.enter_context(presence.taken(f"site {number}", CallKind.READ))
        assert "kept for streams" in _refused(presence, "site 9", CallKind.READ)
        for number in range(6):
            stack.enter_context(presence.taken(f"site {number}", CallKind.STREAM))


def test_a_call_that_fails_gives_its_place_back() -> None:
    presence = Presence(Quotas(), streams=1, places=10, rates=CallRates(600, 128))
    with pytest.raises(ValueError, match="a fault"), presence.taken("site a", CallKind.STREAM):
        raise ValueError("a fault")
    assert len(presence) == 0


def test_watches_of_many_sites_and_pages_leave_places_to_calls_that_end_soon() -> None:
    presence = Presence(Quotas(watches=4, kept_for_streams=0.75), streams=100, places=64, rates=CallRates(600, 128))
    with ExitStack() as stack:
        for number in range(8):
            stack.enter_context(presence.taken(f"site {number // 4}", CallKind.WATCH))
        assert "8 watches are under way" in _refused(presence, "site 9", CallKind.WATCH)
        for _ in range(4):
            stack.enter_context(presence.taken("pages", CallKind.PAGE))
        assert "at most 4" in _refused(presence, "pages", CallKind.PAGE)
        for number in range(4):
            stack.enter_context(presence.taken(f"site {number}", CallKind.READ))
    with presence.taken("site 9", CallKind.WATCH):
        pass
