"""What a ledger holds of one site in one period."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from raypp.ledger.store import Ledger
from raypp.ledger.values import StreamStatus
from raypp.report.period import Period, day_of
from raypp.usage.episode import Episode, Stretch
from raypp.usage.report import SiteReport
from raypp.usage.rules import Mode
from raypp.usage.settings import SiteSettings
from raypp.usage.timeline import make_report


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger holds of one site in one period."""

    site: str
    settings: SiteSettings
    period: Period
    episodes: tuple[Episode, ...]
    stretches: tuple[Stretch, ...]

    def report(self) -> SiteReport:
        """Its figures."""
        return make_report(
            self.settings, self.site, self.period.from_us, self.period.to_us, self.episodes, self.stretches
        )

    def only(self, cameras: Sequence[str], tools: Sequence[str]) -> "Recorded":
        """What is left of some cameras and some tools; none of either means all of them."""
        settings = self.settings
        worn = {one.wearer for one in settings.tools if one.mode is Mode.WORN and one.tool in tools}
        rules = tuple(one for one in settings.tools if not tools or one.tool in tools)
        watched = {name: one for name, one in settings.cameras.items() if not cameras or name in cameras}
        return replace(
            self,
            # the name stays that of the site's whole settings
            settings=settings.model_copy(
                update={"tools": rules, "cameras": watched, "settings_id": settings.settings_id}
            ),
            episodes=tuple(
                one
                for one in self.episodes
                if (not cameras or one.stream.camera in cameras) and (not tools or one.tool in {*tools, *worn})
            ),
            stretches=tuple(one for one in self.stretches if not cameras or one.stream.camera in cameras),
        )


def read(ledger: Ledger, site: str, settings: SiteSettings, period: Period) -> Recorded:
    """Read all that a site has in a period."""
    if period.length_us == 0:
        return Recorded(site, settings, period, (), ())
    episodes = ledger.episodes(site, period.from_us, period.to_us, limit=None)
    stretches = ledger.stretches(site, period.from_us, period.to_us)
    return Recorded(site, settings, period, tuple(episodes), tuple(stretches))


def latest(
    ledger: Ledger, site: str, settings: SiteSettings, now_us: int, streams: Sequence[StreamStatus] | None = None
) -> Recorded | None:
    """Read the last day of which a site has frames, from the first that was recorded to the last.

    Where a live camera has not ended its stream, today reaches up to now: its silence is time not observed.

    Args:
        ledger: what it is read from.
        site: the site.
        settings: its settings.
        now_us: the present, microseconds since 1970.
        streams: of the site; None where they are still to be read.

    Returns:
        None where the site has no frames at all.
    """
    streams = ledger.streams(site) if streams is None else streams
    newest = max((one.newest_us for one in streams if one.newest_us is not None), default=None)
    if newest is None:
        return None
    day = day_of(newest, settings.zone)
    found = read(ledger, site, settings, day)
    spans = [(one.start_us, one.end_us) for one in found.episodes]
    spans += [(one.start_us, one.end_us) for one in found.stretches]
    spans.append((newest, newest + 1))
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    if day.from_us <= now_us < day.to_us and any(one.live and not one.ended for one in streams):
        last = max(last, now_us)
    period = Period(max(first, day.from_us), min(last, day.to_us))
    return Recorded(site, settings, period, found.episodes, found.stretches)
