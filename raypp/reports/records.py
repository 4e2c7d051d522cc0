"""The record of one site in one period, as a ledger holds it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from raypp.errors import OptionError
from raypp.ledger.shortfalls import Loss
from raypp.ledger.store import Ledger
from raypp.reports.cameras import CameraState, camera_states, known_until, silent_since, watching
from raypp.reports.colours import Colours, colours_of
from raypp.reports.losses import lost_parts, read_losses
from raypp.reports.period import DAY_US, Period, day_of
from raypp.reports.wording import clock, date_and_clock, first_few, iso
from raypp.text.wording import counted
from raypp.usage.episode import Stretch
from raypp.usage.episodes import Episodes
from raypp.usage.overlap import counted_once
from raypp.usage.report import SiteReport
from raypp.usage.rules import Mode
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local
from raypp.usage.timeline import UsageFigures, sum_up, worn_names

MOST_DAYS = 366
"""How long a period a report may cover."""
MOST_EPISODES = 50_000
"""How many episodes a service makes a report of, which takes seconds; as JSON they fill a message."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One site in one period, as the ledger holds it.

    Attributes:
        site: its name.
        settings: its present settings.
        period: from where to where.
        episodes, stretches: that have a part in it.
        cameras: of the site, as they are doing now.
        losses: what a restore of the ledger has lost since its start.
    """

    site: str
    settings: SiteSettings
    period: Period
    episodes: Episodes
    stretches: tuple[Stretch, ...]
    cameras: tuple[CameraState, ...] = ()
    losses: tuple[Loss, ...] = ()

    def report(self) -> SiteReport:
        """Its figures, with the sequence of its uses."""
        return self.figures().whole()

    def figures(self) -> UsageFigures:
        """Its figures; the sequence of its uses is not made yet."""
        figures = sum_up(
            self.settings,
            self.site,
            self.period.from_us,
            self.period.to_us,
            self.episodes,
            self.stretches,
            watching(self.cameras, self.period),
        )
        if not self.losses:
            return figures
        lost = lost_parts(self.losses, self.settings.zone)
        return replace(figures, report=figures.report.model_copy(update={"lost": lost}))

    def uses(self) -> Episodes:
        """Episodes of tools in its period, not of safety equipment, by start and id."""
        worn, within = worn_names(self.settings), self.episodes
        tools = np.array([tool not in worn for _, tool, _ in within.lanes], bool)[within.lane]
        return within.take(tools & (within.start_us < self.period.to_us) & (within.end_us > self.period.from_us))

    @property
    def silent(self) -> dict[str, int]:
        """Cameras that were silent at its end, each with the time of its latest frame."""
        return silent_since(self.cameras, self.period)

    @property
    def note(self) -> str | None:
        """How to read it, where the site has no rules of use; else None."""
        return None if self.settings.tools else "No settings: a tool in view counts as in use."

    def cameras_in_words(self, report: SiteReport) -> str:
        """Such as `2 cameras; site-b silent since 18:22:00`."""
        zone, today = self.settings.zone, local(self.period.to_us, self.settings.zone).date()
        quiet = [
            f"{camera} silent since " + (clock if local(at_us, zone).date() == today else date_and_clock)(at_us, zone)
            for camera, at_us in self.silent.items()
        ]
        return "; ".join((counted(len(report.coverage), "camera"), *first_few(quiet, "more silent")))

    @property
    def colours(self) -> Colours:
        """Colours of its tools."""
        rules = self.settings.tools
        tools = {rule.tool for rule in rules} | self.episodes.tools
        return colours_of(tools, rules, (name for camera in self.cameras for name in camera.classes))

    def only(self, cameras: Sequence[str], tools: Sequence[str]) -> "Recorded":
        """Return the record of some cameras and some tools; none of either means all of them."""
        settings = self.settings
        worn = {rule.wearer for rule in settings.tools if rule.mode is Mode.WORN and rule.tool in tools}
        rules = tuple(rule for rule in settings.tools if not tools or rule.tool in tools)
        watched = {name: camera for name, camera in settings.cameras.items() if not cameras or name in cameras}
        return replace(
            self,
            # the name stays that of the site's whole settings
            settings=settings.model_copy(
                update={"tools": rules, "cameras": watched, "settings_id": settings.settings_id}
            ),
            episodes=self.episodes.having(cameras, {*tools, *worn}),
            stretches=tuple(stretch for stretch in self.stretches if not cameras or stretch.stream.camera in cameras),
            cameras=tuple(state for state in self.cameras if not cameras or state.camera in cameras),
            losses=tuple(loss for loss in self.losses if not cameras or loss.camera in cameras),
        )


def cameras_of(ledger: Ledger, site: str, settings: SiteSettings, now_us: int) -> tuple[CameraState, ...]:
    """Read how the cameras of a site are doing."""
    return camera_states(ledger.streams(site), settings.reap_after_s, now_us)


def read(
    ledger: Ledger,
    site: str,
    settings: SiteSettings,
    period: Period,
    now_us: int,
    cameras: tuple[CameraState, ...] | None = None,
    most: int | None = None,
) -> Recorded:
    """Read all that a site has in a period, as far as its frames should be here by now.

    Args:
        ledger: what it is read from.
        site: the site.
        settings: its settings.
        period: from where to where.
        now_us: the present, microseconds since 1970.
        cameras: of the site; None where they are still to be read.
        most: how many episodes it may have; None: any number.

    Raises:
        OptionError: if it is longer than `MOST_DAYS`, also without what lies before the site's first frame and behind
            its last; or if it has too many episodes.
    """
    cameras = cameras_of(ledger, site, settings, now_us) if cameras is None else cameras
    period = period.until(known_until(cameras, now_us))
    return _read(ledger, site, settings, _bounded(ledger, site, settings, period), cameras, most)


def read_sight(
    ledger: Ledger, site: str, settings: SiteSettings, period: Period, now_us: int, cameras: tuple[CameraState, ...]
) -> Recorded:
    """Read what cameras saw in a period as `read` does, without uses: however many there are."""
    period = _bounded(ledger, site, settings, period.until(known_until(cameras, now_us)))
    return _read(ledger, site, settings, period, cameras, uses=False)


def read_between(ledger: Ledger, site: str, from_us: int, to_us: int) -> Recorded:
    """Read for a service as `read` does, with the present settings; 0: from the first frame, or to the last.

    Raises:
        OptionError: likewise.
        UnknownSiteError: if there is no such site.
    """
    settings, now_us = ledger.present_settings(site), ledger.clock()
    first, last = ledger.extent(site) or (now_us, now_us)
    start_us = from_us or min(first, to_us or first)
    period = Period(start_us, max(start_us, to_us or last))
    recorded = read(ledger, site, settings, period, now_us, most=MOST_EPISODES)
    return replace(recorded, losses=read_losses(ledger, site, start_us))


def latest(
    ledger: Ledger,
    site: str,
    settings: SiteSettings,
    now_us: int,
    cameras: tuple[CameraState, ...] | None = None,
) -> Recorded | None:
    """Read the last day of which a site has frames, from the first that was recorded to the last.

    Where all live cameras that have not ended are silent, today reaches up to now: their silence is not observed.
    Frames of the future, which clocks that are wrong give, are passed over where there are any others.

    Args:
        ledger: what it is read from.
        site: the site.
        settings: its settings.
        now_us: the present, microseconds since 1970.
        cameras: of the site; None where they are still to be read.

    Returns:
        None where the site has no frames at all.
    """
    cameras = cameras_of(ledger, site, settings, now_us) if cameras is None else cameras
    newest = newest_frame(ledger, site, cameras, now_us)
    if newest is None:
        return None
    return latest_of(_read(ledger, site, settings, day_of(newest, settings.zone), cameras), newest, now_us)


def latest_of(recorded: Recorded, newest: int, now_us: int) -> Recorded:
    """Return what `latest` does of a record of the whole day on which the site's latest frame was taken."""
    day, cameras = recorded.period, recorded.cameras
    spans = [(stretch.start_us, stretch.end_us) for stretch in recorded.stretches]
    if len(recorded.episodes):
        spans.append((int(recorded.episodes.start_us.min()), int(recorded.episodes.end_us.max())))
    spans.append((newest, newest + 1))
    first, last = max(min(start for start, _ in spans), day.from_us), max(end for _, end in spans)
    if day.from_us <= now_us < day.to_us and any(camera.watches for camera in cameras):
        last = max(known_until(cameras, now_us), first + 1)
    return replace(recorded, period=Period(first, min(last, day.to_us)))


def newest_frame(ledger: Ledger, site: str, cameras: Sequence[CameraState], now_us: int) -> int | None:
    """Return the event time of a site's latest frame; one of the future only without others; None without any."""
    newest = newest_said(cameras)
    if newest is None or newest <= now_us + DAY_US:
        return newest
    return ledger.latest(site, now_us) or newest


def newest_said(cameras: Sequence[CameraState]) -> int | None:
    """Return the event time of the latest frame of some cameras, as their clocks say; None without any."""
    return max((camera.newest_us for camera in cameras if camera.newest_us is not None), default=None)


def _bounded(ledger: Ledger, site: str, settings: SiteSettings, period: Period) -> Period:
    if period.length_us <= MOST_DAYS * DAY_US:
        return period
    first, last = ledger.extent(site) or (period.from_us, period.from_us)
    period = Period(max(period.from_us, first), max(period.from_us, first, min(period.to_us, last)))
    if period.length_us > MOST_DAYS * DAY_US:
        between = f"{iso(period.from_us, settings.zone)} to {iso(period.to_us, settings.zone)}"
        days = -(-period.length_us // DAY_US)
        raise OptionError(f"a report covers at most {MOST_DAYS} days; {between} are {days:,}: ask for a shorter range")
    return period


def _read(
    ledger: Ledger,
    site: str,
    settings: SiteSettings,
    period: Period,
    cameras: tuple[CameraState, ...],
    most: int | None = None,
    *,
    uses: bool = True,
) -> Recorded:
    if period.length_us == 0:
        return Recorded(site, settings, period, Episodes.of(()), (), cameras)
    limit = 0 if not uses else None if most is None else most + 1
    episodes = ledger.episode_columns(site, period.from_us, period.to_us, limit)
    if most is not None and len(episodes) > most:
        raise OptionError(f"the range has more than {most:,} uses; ask for a shorter one")
    stretches = ledger.stretches(site, period.from_us, period.to_us)
    return recorded_once(Recorded(site, settings, period, episodes, tuple(stretches), cameras))


def recorded_once(recorded: Recorded) -> Recorded:
    """Count once what several streams of a camera saw at one time."""
    once, _ = counted_once(recorded.episodes, recorded.stretches)
    return replace(recorded, episodes=once)
