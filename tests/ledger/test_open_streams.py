"""Streams of a site are counted on all gateways together, and none for long that nobody renews."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from raypp.errors import LedgerError, TooManyCamerasError, TooManyStreamsError, UnknownSiteError
from raypp.ledger.open_streams import Opening, OpenStreams
from raypp.ledger.store import Ledger
from raypp.ledger.tables import OpenStreamRow
from raypp.usage.episode import StreamName
from tests.ledger.site import ABOUT, T0, Clock

_LONG_US, _SHORT_US = 60_000_000, 1_500_000
_FIRST = Opening("first", 1, most_streams=2, most_cameras=256, for_us=_LONG_US)
_SECOND = replace(_FIRST, gateway="second")


def _open(ledger: Ledger, camera: str, opening: Opening, site: str = "plant-1") -> None:
    ledger.open_stream(StreamName(site, camera, T0), ABOUT, opening)


def _rows(ledger: Ledger) -> dict[str, tuple[str, int]]:
    with ledger.database.read() as connection:
        columns = (OpenStreamRow.camera, OpenStreamRow.gateway, OpenStreamRow.connection)
        return {camera: (gateway, number) for camera, gateway, number in connection.execute(select(*columns))}


def test_two_gateways_together_take_no_more_than_one(ledger: Ledger) -> None:
    ledger.add_site("plant-2")
    _open(ledger, "a", _FIRST)
    _open(ledger, "b", _SECOND)
    for opening in (_FIRST, _SECOND):
        with pytest.raises(
            TooManyStreamsError, match="plant-1 has 2 streams open on all gateways, at most 2"
        ) as caught:
            _open(ledger, "c", replace(opening, connection=2))
        assert "\n" not in str(caught.value)
    assert ledger.position(StreamName("plant-1", "c", T0)) is None, "a refused try leaves no stream"
    _open(ledger, "e", replace(_FIRST, connection=3), site="plant-2")
    OpenStreams(ledger.database, "first").release([1])
    _open(ledger, "c", replace(_SECOND, connection=2))
    assert _rows(ledger) == {"b": ("second", 1), "c": ("second", 2), "e": ("first", 3)}


def test_a_camera_takes_its_own_place_over_on_another_gateway_and_the_first_one_hears_of_it(ledger: Ledger) -> None:
    full = replace(_FIRST, most_streams=1)
    _open(ledger, "a", full)
    _open(ledger, "a", replace(full, gateway="second"))
    assert OpenStreams(ledger.database, "first").renew([1], 1, _LONG_US) == frozenset()
    OpenStreams(ledger.database, "first").release([1])
    assert _rows(ledger) == {"a": ("second", 1)}, "who has lost a place does not give back what another one has"
    with pytest.raises(TooManyStreamsError):
        _open(ledger, "b", replace(full, connection=2))


def test_streams_of_a_gateway_that_was_killed_count_until_they_run_out(ledger: Ledger) -> None:
    _open(ledger, "a", replace(_FIRST, for_us=_SHORT_US))
    _open(ledger, "b", _SECOND)
    with pytest.raises(TooManyStreamsError):
        _open(ledger, "c", replace(_SECOND, connection=2))
    time.sleep(_SHORT_US / 1e6)
    _open(ledger, "c", replace(_SECOND, connection=2))
    assert set(_rows(ledger)) == {"b", "c"}
    assert OpenStreams(ledger.database, "first").renew([1], 1, _LONG_US) == frozenset(), "it was frozen, not killed"
    assert set(_rows(ledger)) == {"b", "c"}


def test_a_renewed_place_holds_for_longer_and_what_is_gone_is_not_renewed(ledger: Ledger) -> None:
    gateway = OpenStreams(ledger.database, "first")
    for number, camera in enumerate("ab", 1):
        _open(ledger, camera, replace(_FIRST, connection=number, for_us=_SHORT_US))
    assert gateway.renew([2], 2, _LONG_US) == {2}
    time.sleep(_SHORT_US / 1e6)
    _open(ledger, "c", replace(_SECOND, for_us=_LONG_US))
    with pytest.raises(TooManyStreamsError):
        _open(ledger, "d", replace(_SECOND, connection=2))
    assert gateway.renew([], 1, _LONG_US) == {2}, "a connection that came behind the list is left alone"
    gateway.release_all()
    assert set(_rows(ledger)) == {"c"}


def test_the_database_s_clock_counts_not_the_gateways(url: str) -> None:
    behind = Clock()
    behind.now -= 10**12
    with Ledger.open(url) as ahead, Ledger.open(url, clock=behind) as late:
        _open(ahead, "a", _FIRST)
        late.configure("plant-1", "{}")
        with pytest.raises(TooManyStreamsError):
            late.open_stream(StreamName("plant-1", "b", behind.now), ABOUT, replace(_SECOND, most_streams=1))


@pytest.mark.parametrize(
    ("most_streams", "most_cameras", "refusal"), [(3, 256, TooManyStreamsError), (64, 3, TooManyCamerasError)]
)
def test_as_many_open_at_once_as_may_and_no_more(
    ledger: Ledger, most_streams: int, most_cameras: int, refusal: type[LedgerError]
) -> None:
    """Without the lock on the site, PostgreSQL lets several in that have all counted the same."""
    begin = threading.Barrier(8)

    def enter(number: int) -> bool:
        begin.wait()
        try:
            _open(ledger, f"camera-{number}", Opening(f"gateway-{number}", 1, most_streams, most_cameras, _LONG_US))
        except refusal:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(enter, range(8))) == 3
    assert len(_rows(ledger)) == 3


def test_a_site_that_is_not_there_has_no_streams(ledger: Ledger) -> None:
    with pytest.raises(UnknownSiteError, match="'elsewhere' is not registered"):
        _open(ledger, "a", _FIRST, site="elsewhere")


def test_a_claim_beyond_the_limit_names_its_field(ledger: Ledger) -> None:
    _open(ledger, "a", _FIRST)
    with pytest.raises(LedgerError, match=r"limits\.streams_per_site.*count for 60 s more at most"):
        _open(ledger, "b", replace(_SECOND, most_streams=1))
