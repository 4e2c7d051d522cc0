"""Who may make a call, by token and address."""

from itertools import count

import pytest

from raypp.serving.guard import DoorLimits, Guard, address_of
from raypp.serving.status import Status, StatusError

_LIMITS = DoorLimits(
    calls_per_minute=60,
    burst=3,
    under_way=4,
    strangers_per_minute=60,
    strangers_burst=2,
    strangers_under_way=1,
)


def _token(number: int) -> str:
    return f"rpp_{number:016x}_{'A' * 43}"


def _refused(guard: Guard, token: str, now_s: float, address: str = "10.0.0.1") -> str:
    with pytest.raises(StatusError) as caught:
        guard.enter(token, address, now_s)
    assert caught.value.status is Status.RESOURCE_EXHAUSTED
    return str(caught.value)


@pytest.fixture
def guard() -> Guard:
    return Guard(_LIMITS)


@pytest.fixture
def known(guard: Guard) -> str:
    caller = guard.enter(_token(0), "10.0.0.9", 0)
    guard.answered(caller, 0)
    guard.leave(caller)
    return _token(0)


@pytest.mark.parametrize("token", ["", "x" * 4000, "rpp_0123_A", _token(1) + "\n", _token(1)[:-1]])
def test_what_cannot_be_a_token_is_refused(guard: Guard, token: str) -> None:
    with pytest.raises(StatusError) as caught:
        guard.enter(token, "10.0.0.1", 0)
    assert caught.value.status is Status.UNAUTHENTICATED


def test_malformed_tokens_count_as_unknown_ones(guard: Guard, known: str) -> None:
    for _ in range(_LIMITS.strangers_burst):
        with pytest.raises(StatusError, match="malformed"):
            guard.enter("x", "10.0.0.1", 0)
    assert "60 calls a minute from this address" in _refused(guard, "x", 0)
    guard.leave(guard.enter(known, "10.0.0.1", 0))


def test_unknown_tokens_of_one_address_share_its_limits(guard: Guard) -> None:
    first = guard.enter(_token(1), "10.0.0.1", 0)
    assert "1 calls of unknown tokens are under way" in _refused(guard, _token(2), 0)
    guard.leave(first)
    guard.leave(guard.enter(_token(3), "10.0.0.1", 0))
    assert "60 calls a minute from this address" in _refused(guard, _token(4), 0)
    guard.leave(guard.enter(_token(5), "10.0.0.2", 0))
    guard.leave(guard.enter(_token(6), "10.0.0.1", 1.0))


def test_a_call_that_is_answered_takes_no_strangers_place(guard: Guard) -> None:
    first = guard.enter(_token(1), "10.0.0.1", 0)
    guard.answered(first, 0)
    second = guard.enter(_token(2), "10.0.0.1", 0)
    guard.leave(second)
    guard.leave(first)
    guard.leave(guard.enter(_token(3), "10.0.0.1", 10))


def test_unknown_tokens_of_all_addresses_have_a_limit_under_way(guard: Guard) -> None:
    for number in range(4):
        guard.enter(_token(number), f"10.0.0.{number}", 0)
    _refused(guard, _token(9), 0, "10.0.0.9")


def test_a_strangers_call_whose_message_does_not_come_makes_way(guard: Guard) -> None:
    gave_up: list[int] = []
    silent = [guard.enter(_token(number), f"10.0.0.{number}", 0) for number in range(4)]
    for number, caller in enumerate(silent):
        guard.waits(caller, 0, lambda number=number: gave_up.append(number))
    come = guard.enter(_token(8), "10.0.0.8", 0)
    assert gave_up == [0]
    guard.waited(silent[1])  # its message has come: it is being answered, and stays
    guard.enter(_token(9), "10.0.0.9", 0)
    assert gave_up == [0, 2]
    assert "1 calls of unknown tokens are under way" in _refused(guard, _token(10), 0.5, "10.0.0.3")
    guard.enter(_token(10), "10.0.0.3", 1.5)  # the address has one place, which its silent call holds
    assert gave_up == [0, 2, 3]
    _refused(guard, _token(11), 0, "10.0.0.11")
    for caller in silent:
        guard.leave(caller)  # those that made way hold nothing that could be given back twice
    guard.leave(come)
    guard.enter(_token(12), "10.0.0.12", 0)
    guard.enter(_token(13), "10.0.0.13", 0)
    _refused(guard, _token(14), 0, "10.0.0.14")


def test_a_call_beyond_its_address_s_rate_makes_nobody_give_way(guard: Guard) -> None:
    for _ in range(2):
        guard.leave(guard.enter(_token(1), "10.0.0.1", 0))
    gave_up: list[int] = []
    for number in range(4):
        silent = guard.enter(_token(number), f"10.0.1.{number}", 0)
        guard.waits(silent, 0, lambda number=number: gave_up.append(number))
    assert "60 calls a minute from this address" in _refused(guard, _token(5), 0)
    assert not gave_up


def test_a_known_token_s_waiting_calls_make_way_for_nobody(guard: Guard, known: str) -> None:
    gave_up: list[int] = []
    callers = [guard.enter(known, "10.0.0.1", second) for second in range(4)]
    for caller in callers:
        guard.waits(caller, 0, lambda: gave_up.append(0))
    _refused(guard, known, 10)
    assert not gave_up


def test_a_flood_of_unknown_tokens_takes_nothing_from_a_known_one(guard: Guard, known: str) -> None:
    numbers = count(1)
    with pytest.raises(StatusError):
        for _ in range(100):
            guard.enter(_token(next(numbers)), "10.0.0.1", 0)
    callers = [guard.enter(known, "10.0.0.1", 0) for _ in range(3)]
    assert not any(caller.stranger for caller in callers)


def test_a_known_token_has_so_many_calls_a_minute_and_under_way(guard: Guard, known: str) -> None:
    callers = [guard.enter(known, "10.0.0.1", 0) for _ in range(3)]
    assert "60 calls a minute by this token" in _refused(guard, known, 0)
    callers.append(guard.enter(known, "10.0.0.1", 1.0))
    assert "4 calls of this token are under way" in _refused(guard, known, 60.0)
    for caller in callers:
        guard.leave(caller)
    guard.leave(guard.enter(known, "10.0.0.1", 60.0))


def test_a_token_that_the_service_does_not_take_is_a_strangers(guard: Guard, known: str) -> None:
    caller = guard.enter(known, "10.0.0.1", 0)
    guard.unknown(caller)
    guard.leave(caller)
    again = guard.enter(known, "10.0.0.1", 0)
    assert again.stranger
    guard.leave(again)
    assert guard.enter(_token(7), "10.0.0.1", 0).stranger


def test_a_token_is_known_for_an_hour(guard: Guard, known: str) -> None:
    assert not guard.enter(known, "10.0.0.1", 3599).stranger
    assert guard.enter(known, "10.0.0.1", 3601).stranger


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.1:4242", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("ipv6:%5B2001:db8::1%5D:4242", "2001:db8::/64"),
        ("ipv6:[2001:db8::2]:4242", "2001:db8::/64"),
        ("2001:db8:0:1::2", "2001:db8:0:1::/64"),
        ("unix:/tmp/socket", "unix:/tmp/socket"),
    ],
)
def test_an_address_is_a_host_or_a_network(peer: str, address: str) -> None:
    assert address_of(peer) == address
