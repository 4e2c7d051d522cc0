"""The page of a site's safety: compliance with the rules of its zones, its trend, and every violation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from raypp.ledger.store import Ledger
from raypp.reports.coverage_rows import observed_share
from raypp.reports.period import Period, day
from raypp.reports.safety import SiteSafety, exposure_of
from raypp.reports.safety_record import DayTotals, ZoneTotal
from raypp.reports.safety_totals import site_rules
from raypp.reports.wording import clock, date_and_clock, percentage, rule_words, seconds, until
from raypp.text.wording import counted
from raypp.usage.coverage import Coverage
from raypp.usage.episode import EpisodeState
from raypp.usage.episodes import Episodes
from raypp.usage.shifts import local
from raypp.usage.violation import Violation
from raypp.usage.violations import Violations
from raypp.web.compliance import Compliance, TrendChart, compliance_of, trend_chart
from raypp.web.listing import ListedTable, read_choice
from raypp.web.site_heading import SiteHeading, SiteView, heading_of
from raypp.web.timeline import WHY_NOT
from raypp.web.values import SITES, Crumb, Going, Notice, Page, Tile
from raypp.web.violation_list import FILTERS, SORTS, ViolationTableRow, violation_table

MOST_VIOLATIONS = 200_000
"""How many violations a page is made of, which takes a second; those of a period with more are refused."""
_TREND_DAYS = 14
_MOST_NOW = 12
_NO_FRAMES = Notice("No frames yet", "When its first camera sends frames, its compliance begins here.")
_NO_ZONES = "Say who must wear what, and where: add `zones` to a camera of the site's settings. Then store them by "


@dataclass(frozen=True, slots=True)
class CameraSight:
    """How much a camera with zones saw, and why it did not see the rest, in words."""

    coverage: Coverage
    reasons: str


@dataclass(frozen=True, slots=True)
class SafetyRecord:
    """Compliance of a site in a period.

    Attributes:
        now: violations that go on, whenever they began, the first few; `more_now` counts the rest.
        tiles: figures of the whole.
        period: in words.
        compliance: by shift, zone and rule.
        trend: over days; None where there is nothing to draw.
        sight: of its cameras.
        table: of violations.
        files: command that writes the same as files.
    """

    now: tuple[Going, ...]
    more_now: int
    tiles: tuple[Tile, ...]
    period: str
    compliance: Compliance
    trend: TrendChart | None
    sight: tuple[CameraSight, ...]
    table: ListedTable[ViolationTableRow]
    files: str


@dataclass(frozen=True, slots=True)
class SafetyPage(Page):
    """Compliance of one site, or a notice that there is nothing."""

    template: ClassVar[str] = "raypp.web/safety.html"
    heading: SiteHeading
    zone: ZoneInfo
    record: SafetyRecord | None = None
    notice: Notice | None = None


def safety_page(ledger: Ledger, view: SiteView, query: Mapping[str, str], number: int) -> SafetyPage:
    """Show how the rules of a site's zones were kept.

    Args:
        ledger: what days before the period are read from.
        view: the site and its period.
        query: filters and order of the violations.
        number: page of the violations.

    Raises:
        OptionError: for a filter or order that is none.
    """
    crumbs = (SITES, Crumb(view.site, view.address), Crumb("Safety", view.here))
    page = SafetyPage(f"Safety at {view.site} · raypp", crumbs, heading_of(view), view.settings.zone)
    safety = view.safety
    if view.recorded is None or safety is None:
        return replace(page, notice=_NO_FRAMES)
    if not (site_rules(view.settings) or len(safety.exposures) or len(safety.violations)):
        command = f"raypp site configure {view.site} settings.yaml"
        return replace(page, notice=Notice("No zones are set", _NO_ZONES, command))
    choice = read_choice(view, query, FILTERS, SORTS, number, "violations")
    totals = safety.totals()
    coverage = safety.coverage(totals)
    now = ledger.unended_violations(view.site)
    period, settings = safety.recorded.period, view.settings
    record = SafetyRecord(
        now=tuple(_going(violation, view) for violation in now.take(slice(0, _MOST_NOW))),
        more_now=max(0, len(now) - _MOST_NOW),
        tiles=_tiles(totals, coverage),
        period=until(period, settings.zone),
        compliance=compliance_of(safety, totals, choice),
        trend=trend_chart(totals, _days(ledger, safety), view.here),
        sight=tuple(CameraSight(camera, _why(camera)) for camera in coverage),
        table=violation_table(safety, choice),
        files=f"raypp report {view.site}",
    )
    return replace(page, record=record)


def _days(ledger: Ledger, safety: SiteSafety) -> Sequence[DayTotals]:
    """Return the days of a period; of one day also those before it."""
    recorded = safety.recorded
    zone, period = recorded.settings.zone, recorded.period
    last = local(max(period.from_us, period.to_us - 1), zone).date()
    if local(period.from_us, zone).date() < last:
        return list(safety.days())
    wider = Period(day(last - timedelta(days=_TREND_DAYS - 1), zone).from_us, period.to_us)
    stretches = tuple(ledger.stretches(recorded.site, wider.from_us, wider.to_us))
    whole = replace(recorded, period=wider, episodes=Episodes.of(()), stretches=stretches)
    return list(SiteSafety(whole, exposure_of(ledger, whole), Violations.of(())).days())


def _going(violation: Violation, view: SiteView) -> Going:
    zone = view.settings.zone
    today = local(violation.start_us, zone).date() == local(view.now_us, zone).date()
    since = (clock if today else date_and_clock)(violation.start_us, zone)
    words = f"{rule_words(violation.kind.name.lower(), violation.item)} in {violation.zone}, {violation.stream.camera}"
    if violation.state is EpisodeState.OPEN:
        return Going(f"{words}, since {since}", open=True)
    return Going(f"{words}, since {since}: camera is silent, end not certain yet", open=False)


def _tiles(totals: Sequence[ZoneTotal], coverage: Sequence[Coverage]) -> tuple[Tile, ...]:
    worn_s, bare_s, untold_s = (
        sum(getattr(total, name) or 0.0 for total in totals) for name in ("worn_s", "not_worn_s", "cannot_tell_s")
    )
    told_s, whole_s = worn_s + bare_s, worn_s + bare_s + untold_s
    lasted = sum(total.violations_s for total in totals)
    return (
        Tile("Compliant", percentage(worn_s / told_s if told_s else None), "worn, of what can be told"),
        Tile("Cannot tell", percentage(untold_s / whole_s if whole_s else None), "of all time of people and items"),
        Tile(
            "Violations", f"{sum(total.violations for total in totals):,}", f"began here; they lasted {seconds(lasted)}"
        ),
        Tile("Exposure", seconds(whole_s), "time of people in zones, for each item"),
        Tile("Observed", percentage(observed_share(coverage)), f"of the time of {counted(len(coverage), 'camera')}"),
    )


def _why(camera: Coverage) -> str:
    return ", ".join(f"{WHY_NOT.get(why, why)} {seconds(length)}" for why, length in camera.reasons_s.items())
