"""Whether a page is still what it was: a tag by all that it is made of, and pages that were made lately."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from threading import Lock

import raypp
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.reports.cameras import known_until
from raypp.reports.period import Period, day_of, read_period
from raypp.reports.records import cameras_of, newest_frame
from raypp.usage.shifts import local
from raypp.web.request import PageRequest, PageResponse
from raypp.web.site_days import SitePresent, read_presents

_MOST_BYTES = 64_000_000


def page_tag(
    request: PageRequest,
    ledgers: Ledgers,
    sites: Sequence[str],
    now_us: int,
    ledger_of: Mapping[str, str] | None = None,
    others: Sequence[object] = (),
) -> str:
    """Return an ETag: pages of one address with the same tag are the same.

    Args:
        request: what is asked for.
        ledgers: what the page would be made of.
        sites: those that it would show.
        now_us: the present, microseconds since 1970; it counts as far as a page shows it.
        ledger_of: names of the sites' ledgers, as far as they are known.
        others: all else that it would show, such as that other sites are there.

    Raises:
        RayppError: if a site cannot be read, or the request makes no sense.
    """
    presents = read_presents(ledgers, ledger_of, sites, now_us) if ledger_of else {}
    states = []
    for site in sites:
        present = presents.get(site) or ledgers.ask(site, partial(_present, site, now_us))
        states.append(_state(request, site, present, now_us))
    known = (raypp.__version__, request.path, sorted(request.parameters().items()), states, list(others))
    return f'"{hashlib.sha256(repr(known).encode()).hexdigest()[:32]}"'


def _present(site: str, now_us: int, ledger: Ledger) -> SitePresent:
    version = ledger.version(site)
    settings = ledger.present_settings(site)
    cameras = cameras_of(ledger, site, settings, now_us)
    return SitePresent(settings, cameras, newest_frame(ledger, site, cameras, now_us), version)


def _state(request: PageRequest, site: str, present: SitePresent, now_us: int) -> tuple[object, ...]:
    query, zone = request.parameters(), present.settings.zone
    until_us, newest_us = known_until(present.cameras, now_us), present.newest_us
    period = read_period(query.get("from"), query.get("to"), zone, now_us)
    if period is None:
        period = Period(0, 0) if newest_us is None else day_of(newest_us, zone)
    within = period.until(until_us)
    return (
        site,
        present.version,
        present.settings.settings_id,
        present.cameras,
        newest_us,
        within,
        until_us == within.to_us,  # links to the whole of a day or shift say whether it is what is shown
        local(now_us, zone).date(),
    )


class MadePages:
    """Answers that were made lately, by address and tag, up to so many bytes. Safe to use from several threads."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pages: OrderedDict[str, PageResponse] = OrderedDict()
        self._lock = Lock()

    def get(self, tag: str) -> PageResponse | None:
        """Return the answer of a tag; None where it is not kept."""
        with self._lock:
            answer = self._pages.get(tag)
            if answer is not None:
                self._pages.move_to_end(tag)
            return answer

    def keep(self, tag: str, answer: PageResponse) -> None:
        """Keep an answer; those that were not asked for the longest make room for it."""
        size = len(answer.body)
        with self._lock:
            if size > self._most_bytes or tag in self._pages:
                return
            self._pages[tag] = answer
            self._bytes += size
            while self._bytes > self._most_bytes:
                _, oldest = self._pages.popitem(last=False)
                self._bytes -= len(oldest.body)
