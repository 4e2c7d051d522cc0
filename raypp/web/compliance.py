"""Compliance with the rules of zones as rows of a page, and its trend as drawings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from raypp.reports.coverage_rows import WHOLE
from raypp.reports.safety import SiteSafety
from raypp.reports.safety_record import DayTotals, ZoneTotal
from raypp.reports.trend import Trend, trends
from raypp.reports.wording import percentage, rule_words, seconds
from raypp.usage.shifts import WorkedShift, shifts_between
from raypp.web.listing import Choice
from raypp.web.timeline import Block, PlotMark

_MOST_ROWS = 160
_MOST_TRENDS = 24
_MOST_DATES = 7


@dataclass(frozen=True, slots=True)
class ToldBar:
    """A bar of three parts, shares that add up to 1 or are all 0, and the same in words."""

    worn: float
    bare: float
    untold: float
    text: str


@dataclass(frozen=True, slots=True)
class ComplianceRow:
    """One rule of one zone.

    Attributes:
        total: its figures.
        rule: in words.
        bar: what can be told; None where the rule is about no item.
        violations: how many; leads to them.
        reasons: why it cannot be told, in words.
    """

    total: ZoneTotal
    rule: str
    bar: ToldBar | None
    violations: tuple[str, str]
    reasons: str


@dataclass(frozen=True, slots=True)
class ComplianceGroup:
    """The whole period, or all shifts of one name in it."""

    heading: str
    rows: tuple[ComplianceRow, ...]


@dataclass(frozen=True, slots=True)
class Compliance:
    """Compliance by shift, zone and rule; `left` rows are only in the report."""

    groups: tuple[ComplianceGroup, ...]
    left: int


@dataclass(frozen=True, slots=True)
class TrendDay:
    """One day of one rule; a click leads to it."""

    column: Block
    address: str


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One rule about an item, drawn day by day.

    Attributes:
        item, where: its names.
        latest: of the latest day with anything, in words.
        label: the whole in words.
        untold: bars from the bottom: share that cannot be told; `start` and `width` across, `height` along.
        lines: of compliance: x1, y1, x2, y2, shares.
        points: x, y, shares.
        days: each leads to its day.
    """

    item: str
    where: str
    latest: str
    label: str
    untold: tuple[tuple[float, float, float], ...]
    lines: tuple[tuple[float, float, float, float], ...]
    points: tuple[tuple[float, float], ...]
    days: tuple[TrendDay, ...]


@dataclass(frozen=True, slots=True)
class TrendChart:
    """Compliance over days; `left` rows are only in the report."""

    days: str
    rows: tuple[TrendRow, ...]
    ticks: tuple[PlotMark, ...]
    left: int


def compliance_of(safety: SiteSafety, totals: Sequence[ZoneTotal], choice: Choice) -> Compliance:
    """Sum up by shift, zone and rule; each row leads to its violations."""
    settings, period = safety.recorded.settings, safety.recorded.period
    by_shift: dict[str, list[WorkedShift]] = {}
    for shift in shifts_between(settings.shifts, settings.zone, period.from_us, period.to_us):
        by_shift.setdefault(shift.name, []).append(shift)
    heading = WHOLE[:1].upper() + WHOLE[1:]
    listed = [(heading, "", totals), *((name, name, safety.totals_within(own)) for name, own in by_shift.items())]
    groups, room = [], _MOST_ROWS
    for head, shift_name, own in listed:
        rows = tuple(_row(total, shift_name, choice) for total in own[:room])
        room -= len(rows)
        if rows:
            groups.append(ComplianceGroup(head, rows))
    return Compliance(tuple(groups), sum(len(own) for _, _, own in listed) - (_MOST_ROWS - room))


def trend_chart(totals: Iterable[ZoneTotal], days: Sequence[DayTotals], address: str) -> TrendChart | None:
    """Draw compliance over days; None where nobody was seen where an item is required.

    Args:
        totals: of the rules, in their order.
        days: by date.
        address: of the page; a day follows it.
    """
    rows = [trend for trend in trends(totals, days) if trend.has_shares]
    if not rows:
        return None
    step = -(-len(days) // _MOST_DATES)
    ticks = tuple(
        PlotMark((number + 0.5) / len(days), "middle", f"{date.fromisoformat(day.day):%d %b}".removeprefix("0"))
        for number, day in enumerate(days)
        if number % step == 0
    )
    drawn = tuple(_trend_row(trend, days, address) for trend in rows[:_MOST_TRENDS])
    return TrendChart(f"{_day(days[0])} to {_day(days[-1])}", drawn, ticks, max(0, len(rows) - _MOST_TRENDS))


def told_bar(worn_s: float, bare_s: float, untold_s: float) -> ToldBar:
    """Return a bar of person-time."""
    whole = worn_s + bare_s + untold_s
    if not whole:
        return ToldBar(0.0, 0.0, 0.0, "nobody was seen")
    worn, bare, untold = worn_s / whole, bare_s / whole, untold_s / whole
    words = f"worn {percentage(worn)}, not worn {percentage(bare)}, cannot tell {percentage(untold)}"
    return ToldBar(worn, bare, untold, words)


def _row(total: ZoneTotal, shift: str, choice: Choice) -> ComplianceRow:
    bar = None
    if total.worn_s is not None:
        bar = told_bar(total.worn_s, total.not_worn_s or 0.0, total.cannot_tell_s or 0.0)
    address = choice.address(
        camera=total.camera, zone=total.zone, kind=total.kind, item=total.item, shift=shift, state=""
    )
    reasons = ", ".join(f"{why.replace('_', ' ')} {seconds(length)}" for why, length in total.reasons_s.items())
    return ComplianceRow(total, rule_words(total.kind, total.item), bar, (f"{total.violations:,}", address), reasons)


def _trend_row(trend: Trend, days: Sequence[DayTotals], address: str) -> TrendRow:
    width = 1 / len(days)
    places = [(number + 0.5) * width for number in range(len(days))]
    shares = [total.worn_share if total else None for total in trend.days]
    untold = tuple(
        (place - 0.3 * width, 0.6 * width, total.cannot_tell_share)
        for place, total in zip(places, trend.days, strict=True)
        if total and total.cannot_tell_share
    )
    points = [(place, 1 - share) for place, share in zip(places, shares, strict=True) if share is not None]
    words = [_words(total) for total in trend.days]
    columns = tuple(
        TrendDay(Block(number * width, width, f"{_day(day)}: {text}"), f"{address}?from={day.day}")
        for number, (day, text) in enumerate(zip(days, words, strict=True))
    )
    last = next(_words(total) for total in reversed(trend.days) if total)
    where = f"{trend.zone}, {trend.camera}"
    label = f"{trend.item} in {where}: " + "; ".join(f"{day.day} {text}" for day, text in zip(days, words, strict=True))
    return TrendRow(trend.item, where, last, label, untold, tuple(_lines(places, shares)), tuple(points), columns)


def _lines(places: Sequence[float], shares: Sequence[float | None]) -> Iterator[tuple[float, float, float, float]]:
    """Join days that follow each other; over a day of which nothing can be told there is no line."""
    for (x1, first), (x2, second) in zip(
        zip(places, shares, strict=True), zip(places[1:], shares[1:], strict=True), strict=False
    ):
        if first is not None and second is not None:
            yield x1, 1 - first, x2, 1 - second


def _words(total: ZoneTotal | None) -> str:
    if total is None or total.cannot_tell_share is None:
        return "nobody was seen"
    if total.worn_share is None:
        return "cannot tell"
    return f"{percentage(total.worn_share)} worn, cannot tell {percentage(total.cannot_tell_share)}"


def _day(totals: DayTotals) -> str:
    return f"{(when := date.fromisoformat(totals.day)):%a} {when.day} {when:%b}"
