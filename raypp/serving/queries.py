"""Queries of the ledger: episodes in pages, and as they change."""

import base64
import binascii

from protos import raypp_pb2 as pb
from raypp.errors import OptionError
from raypp.ledger.store import Ledger
from raypp.ledger.types import page_after
from raypp.serving.status import Status, StatusError
from raypp.usage.episode import Episode
from raypp.wire.frames import LATEST_US
from raypp.wire.messages import check_wire_name
from raypp.wire.values import episode_message

_PAGE, _LARGEST_PAGE = 100, 1000
_MOST_TOOLS = 100
_OVERLAP_US = 10_000_000
"""Commits become visible a little after the time they bear, and machines' clocks differ a little."""


def check_range(site: str, from_us: int, to_us: int) -> None:
    """Refuse a malformed site, or a time range that cannot be."""
    check_wire_name(site, "site")
    for what, value in (("from_us", from_us), ("to_us", to_us)):
        if not 0 <= value <= LATEST_US + 1:
            raise StatusError(Status.INVALID_ARGUMENT, f"{what} {value} is not within 1970 to 9998, in microseconds")
    if to_us and from_us >= to_us:
        raise StatusError(Status.INVALID_ARGUMENT, f"from_us {from_us} must be before to_us {to_us}")


def list_episodes(ledger: Ledger, request: pb.ListEpisodesRequest) -> pb.ListEpisodesResponse:
    """Answer one page of episodes.

    Raises:
        RefusedError: INVALID_ARGUMENT for a range, page size or page token that cannot be.
        UnknownSiteError: if there is no such site.
    """
    check_range(request.site, request.from_us, request.to_us)
    if request.page_size > _LARGEST_PAGE:
        raise StatusError(Status.INVALID_ARGUMENT, f"page_size {request.page_size} is above {_LARGEST_PAGE}")
    if len(request.tools) > _MOST_TOOLS:
        raise StatusError(Status.INVALID_ARGUMENT, f"{len(request.tools)} tools are asked for, at most {_MOST_TOOLS}")
    ledger.site_settings(request.site)
    size = request.page_size or _PAGE
    try:
        after = base64.urlsafe_b64decode(request.page_token).decode("ascii") if request.page_token else None
        episodes = ledger.episodes(
            request.site, request.from_us, request.to_us, tuple(request.tools), after=after, limit=size + 1
        )
    except (binascii.Error, ValueError, OptionError):
        raise StatusError(
            Status.INVALID_ARGUMENT, "the page token is none that this service gave; begin at the first page"
        ) from None
    page = episodes[:size]
    token = base64.urlsafe_b64encode(page_after(page[-1]).encode()).decode() if len(episodes) > size else ""
    return pb.ListEpisodesResponse(episodes=[episode_message(episode) for episode in page], next_page_token=token)


class EpisodeWatch:
    """Finds episodes of one site as they open, change and close; blocks.

    However many change at once (`raypp reaggregate` changes all of them), so many are in memory as one answer holds; of
    those that changed in the last seconds it keeps the ids, and numbers to tell their states apart.

    Args:
        ledger: the ledger.
        site: the site.
        together: episodes of one answer at most.
    """

    def __init__(self, ledger: Ledger, site: str, together: int = 200) -> None:
        self._ledger = ledger
        self._site = site
        self._together = together
        self._since_us = 0
        self._next_since_us = 0
        self._after: str | None = None
        self._seen: dict[str, int] = {}
        self._seen_now: dict[str, int] = {}

    @property
    def more(self) -> bool:
        """Whether `changed` has not given all of what it found yet."""
        return self._after is not None

    def open_ones(self) -> list[Episode]:
        """Return the episodes that are open, and begin to watch.

        Raises:
            UnknownSiteError: if there is no such site.
        """
        self._ledger.site_settings(self._site)
        self._next_since_us = self._ledger.clock() - _OVERLAP_US
        while True:
            self.changed()
            if not self.more:
                break
        open_episodes = self._ledger.open_episodes(self._site)
        self._seen |= {episode.episode_id: hash(episode) for episode in open_episodes}
        return open_episodes

    def changed(self) -> list[Episode]:
        """Return episodes that changed, each state of one at most once; where there is `more`, ask again at once."""
        if self._after is None:
            self._since_us, self._next_since_us = self._next_since_us, self._ledger.clock() - _OVERLAP_US
        changed = self._ledger.changed_episodes(self._site, self._since_us, self._after, self._together)
        self._after = page_after(changed[-1]) if len(changed) == self._together else None
        states = {episode.episode_id: hash(episode) for episode in changed}
        fresh = [episode for episode in changed if self._seen.get(episode.episode_id) != states[episode.episode_id]]
        self._seen_now |= states
        if self._after is None:  # what did not change in the last seconds is not found again
            self._seen, self._seen_now = self._seen_now, {}
        return fresh
