"""Places of one gateway's streams among those of all gateways, over a real ledger."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from actors.places import Places
from raypp.errors import TooManyStreamsError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.ledger.tables import OpenStreamRow
from raypp.serving.limits import ServiceLimits
from raypp.serving.registry import Registry, StreamPlace
from raypp.serving.settings import ServiceSettings
from raypp.usage.episode import StreamName
from tests.ledger.site import ABOUT, T0, Clock

_SETTINGS = ServiceSettings(models=(Path("tools.model"),), limits=ServiceLimits(streams_per_site=1))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=Clock()) as ledger:
        ledger.add_site("plant")
        yield ledger


async def _now(blocking, *args):
    return blocking(*args)


def _places(ledger: Ledger) -> Places:
    return Places(Ledgers.around(ledger).home, _SETTINGS, Registry(1), _now)


def _open(ledger: Ledger, places: Places, camera: str = "gate") -> StreamPlace:
    place = places.registry.enter("plant", camera)
    ledger.open_stream(StreamName("plant", camera, T0), ABOUT, places.opening(place))
    places.registry.take_over(place)
    return place


def _cameras(ledger: Ledger) -> list[str]:
    with ledger.database.read() as connection:
        return list(connection.execute(select(OpenStreamRow.camera)).scalars())


def test_a_stream_that_another_gateway_has_is_lost_and_the_other_one_s_is_not(ledger: Ledger) -> None:
    first, second = _places(ledger), _places(ledger)
    before = _open(ledger, first)
    asyncio.run(first.renew())
    assert not before.lost
    after = _open(ledger, second)
    asyncio.run(first.renew())
    asyncio.run(second.renew())
    assert (before.lost, after.lost) == (True, False)


def test_what_is_left_is_free_for_others_at_once(ledger: Ledger) -> None:
    first, second = _places(ledger), _places(ledger)
    place = _open(ledger, first)
    with pytest.raises(TooManyStreamsError):
        _open(ledger, second, "hall")

    async def leave() -> None:
        first.leave(place)
        while _cameras(ledger):
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(leave(), 10))
    second.registry.leave(second.registry.places()[0])
    _open(ledger, second, "hall")
    assert _cameras(ledger) == ["hall"]
    second.leave_all()
    assert _cameras(ledger) == []


def test_a_stream_that_is_being_opened_is_neither_lost_nor_given_back(ledger: Ledger) -> None:
    """Its row may be there before the gateway knows, or not yet."""
    places = _places(ledger)
    opening = places.registry.enter("plant", "gate")
    asyncio.run(places.renew())
    ledger.open_stream(StreamName("plant", "gate", T0), ABOUT, places.opening(opening))
    asyncio.run(places.renew())
    assert (opening.lost, _cameras(ledger)) == (False, ["gate"])
    places.registry.leave(opening)
    other = places.registry.enter("plant", "gate")
    asyncio.run(places.renew())
    assert _cameras(ledger) == [], "a connection that is gone, and was never known to be open, keeps no place"
    assert not other.lost
