"""The top of a site's page: whether frames come in, and links to other times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from raypp.reports.cameras import CameraState, known_until
from raypp.reports.period import Period, day, day_of
from raypp.reports.records import Recorded
from raypp.reports.safety import SiteSafety
from raypp.reports.safety_totals import site_rules
from raypp.reports.wording import date_and_clock
from raypp.text.wording import counted
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local, shifts_between
from raypp.web.addresses import devices_address, period_fields, period_query, site_address
from raypp.web.values import Badge, Chip


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site and what it recorded, as a request asks for it.

    Attributes:
        site: its name.
        settings: its present settings.
        cameras: its cameras.
        newest_us: event time of its latest frame; None where it has none.
        recorded: what it has in the period asked for; None where it has no frames at all.
        is_chosen: whether the request names a period, rather than the latest day shown.
        now_us: the present.
        part: page of the site: empty, `safety` or `executions`.
        safety: violations and exposure in the period; None where they are not read.
    """

    site: str
    settings: SiteSettings
    cameras: Sequence[CameraState]
    newest_us: int | None
    recorded: Recorded | None
    is_chosen: bool
    now_us: int
    part: str = ""
    safety: SiteSafety | None = None

    @property
    def address(self) -> str:
        """Of the site's page."""
        return site_address(self.site)

    @property
    def here(self) -> str:
        """Address of the page of the site that is shown."""
        return f"{self.address}/{self.part}" if self.part else self.address

    @property
    def until_us(self) -> int:
        """Up to when frames should be here."""
        return known_until(self.cameras, self.now_us)

    def query(self, page: int | None = None, **others: str) -> str:
        """Return what keeps a link on the same period, with further fields."""
        return period_query(self._chosen, self.settings, page, **others)

    def period_fields(self) -> dict[str, str]:
        """Return the same as fields by name, none for the latest."""
        return period_fields(self._chosen, self.settings)

    @property
    def _chosen(self) -> Period | None:
        return self.recorded.period if self.is_chosen and self.recorded else None


@dataclass(frozen=True, slots=True)
class TimeChoice:
    """Links to other times, and the ends of the time shown in local time, `YYYY-MM-DDTHH:MM:SS`, to be changed."""

    links: tuple[Chip, ...]
    address: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class SiteHeading:
    """Name of a site, whether frames are coming in, its latest one, its pages, and other times to look at, if any."""

    site: str
    state: Badge
    newest: str
    parts: tuple[Chip, ...]
    times: TimeChoice | None


def heading_of(view: SiteView) -> SiteHeading:
    """Return the top of a site's page."""
    zone = view.settings.zone
    newest = zone.key if view.newest_us is None else f"last frame {date_and_clock(view.newest_us, zone)}, {zone.key}"
    times = _times(view, view.recorded.period) if view.recorded else None
    return SiteHeading(view.site, state_badge(view.cameras), newest, tuple(_parts(view)), times)


def _parts(view: SiteView) -> Iterator[Chip]:
    """Yield the pages of a site, for the same time, and that of its devices, which shows the present."""
    has = {
        "": True,
        "safety": bool(site_rules(view.settings)),
        "executions": bool(view.settings.procedures),
    }
    for part, name in (("", "Uses"), ("safety", "Safety"), ("executions", "Executions")):
        if has[part] or part == view.part:
            address = f"{view.address}/{part}" if part else view.address
            yield Chip(name, f"{address}{view.query()}", here=part == view.part)
    yield Chip("Devices", devices_address(view.site))


def state_badge(cameras: Sequence[CameraState]) -> Badge:
    """Say whether frames are coming in."""
    going = [camera for camera in cameras if not camera.ended]
    if not cameras:
        return Badge("no frames yet")
    if not going:
        return Badge("ended")
    quiet = [camera for camera in going if camera.quiet]
    if not quiet:
        return Badge("receiving", "good")
    if len(quiet) < len(going):
        return Badge(f"{len(quiet)} of {counted(len(going), 'camera')} silent", "warn")
    return Badge("silent", "warn")


def _times(view: SiteView, period: Period) -> TimeChoice:
    start, end = (f"{local(at_us, view.settings.zone):%Y-%m-%dT%H:%M:%S}" for at_us in (period.from_us, period.to_us))
    return TimeChoice((*_days(view, period), *_shifts(view, period)), view.here, start, end)


def _days(view: SiteView, period: Period) -> Iterator[Chip]:
    zone, address = view.settings.zone, view.here
    shown = local(period.from_us, zone).date()
    before, after = shown - timedelta(days=1), shown + timedelta(days=1)
    whole = day_of(period.from_us, zone).until(view.until_us)
    yield Chip("Latest", address, here=not view.is_chosen)
    yield Chip(f"\u2039 {_short_day(before)}", f"{address}?from={before}")
    yield Chip(_short_day(shown), f"{address}?from={shown}", here=view.is_chosen and period == whole)
    if day(after, zone).from_us <= view.now_us:
        yield Chip(f"{_short_day(after)} \u203a", f"{address}?from={after}")


def _shifts(view: SiteView, period: Period) -> Iterator[Chip]:
    zone = view.settings.zone
    whole = day_of(period.from_us, zone)
    for shift in shifts_between(view.settings.shifts, zone, whole.from_us, whole.to_us):
        if shift.day == local(period.from_us, zone).date():
            stretch = Period(shift.start_us, shift.end_us)
            here = view.is_chosen and stretch.until(view.until_us) == period
            yield Chip(shift.name, f"{view.here}{period_query(stretch, view.settings)}", here=here)


def _short_day(which: date) -> str:
    return f"{which:%a} {which.day} {which:%b}"
