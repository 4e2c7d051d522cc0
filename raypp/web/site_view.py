"""The page of one site: what is in use now, the figures, the timeline, and what lies behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from raypp.io.wording import counted
from raypp.reports.cameras import CameraState, known_until
from raypp.reports.chart import chart_of
from raypp.reports.coverage_rows import observed_share, worn_share
from raypp.reports.period import Period, day, day_of
from raypp.reports.records import Recorded
from raypp.reports.wording import clock, date_and_clock, overlaps, seconds, share, until
from raypp.usage.episode import Episode, EpisodeState
from raypp.usage.report import SiteReport
from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import local, shifts_between
from raypp.web.episode_table import episode_table
from raypp.web.html import Html, element
from raypp.web.lanes import timeline
from raypp.web.layout import document, empty
from raypp.web.sites_view import site_address, state_badge
from raypp.web.tables import coverage_table, tools_table, transitions_table, worn_table

PAGE_EPISODES = 100
_LATEST = 12
_MOST_NOW = 12
_STEPS = 1000


@dataclass(frozen=True, slots=True)
class View:
    """What a page of one site shows.

    Attributes:
        site: its name.
        settings: its present settings.
        cameras: its cameras.
        newest_us: event time of its latest frame; None where it has none.
        recorded: what it has in the period asked for; None where it has no frames at all.
        asked: whether a period was asked for, rather than the latest day shown.
        now_us: the present.
    """

    site: str
    settings: SiteSettings
    cameras: Sequence[CameraState]
    newest_us: int | None
    recorded: Recorded | None
    asked: bool
    now_us: int

    @property
    def until_us(self) -> int:
        """Up to when frames should be here."""
        return known_until(self.cameras, self.now_us)


def site_page(view: View) -> str:
    """Show one site."""
    crumbs = [("Sites", "/"), (view.site, site_address(view.site))]
    title = f"{view.site} · raypp"
    found = view.recorded
    if found is None:
        words = empty("No frames yet", "When its first camera sends frames, its timeline begins here.")
        return document(title, crumbs, _heading(view, None), words)
    heading = _heading(view, found.period)
    if not found.episodes and not found.stretches:
        shown = f"From {until(found.period, view.settings.zone)} no camera sent a frame: coverage 0 %."
        return document(title, crumbs, heading, empty("Nothing was recorded", shown))
    report = found.report()
    uses = _uses(found, report)
    chart = chart_of(report, view.settings.zone, found.episodes, found.stretches, _STEPS, found.colours)
    span = element("p", until(found.period, view.settings.zone), class_="sub")
    drawn = element(
        "section",
        element("div", element("h2", "Timeline", id="timeline"), span, class_="row"),
        *(element("p", words, class_="sub") for words in overlaps(report, view.settings.zone)),
        timeline(chart),
        class_="card",
        aria_labelledby="timeline",
    )
    figures = element("div", tools_table(report, found.colours, found.note), transitions_table(report), class_="pair")
    return document(
        title,
        crumbs,
        heading,
        _now(uses, view),
        _tiles(report, found),
        drawn,
        figures,
        coverage_table(report),
        *([worn_table(report)] if report.worn else []),
        _latest(uses, view, found),
    )


def episodes_page(view: View, page: int) -> str:
    """Show all uses of a period, newest first."""
    address = site_address(view.site)
    crumbs = [("Sites", "/"), (view.site, address), ("Uses", f"{address}/episodes{_query(view)}")]
    title = f"Uses at {view.site} · raypp"
    uses = _uses(view.recorded, view.recorded.report()) if view.recorded else []
    if not uses or view.recorded is None:
        heading = element("div", element("h1", "Uses"), class_="top")
        return document(title, crumbs, heading, empty("No uses", "None were found in this period."))
    pages = -(-len(uses) // PAGE_EPISODES)
    page = min(max(1, page), pages)
    shown = uses[::-1][(page - 1) * PAGE_EPISODES : page * PAGE_EPISODES]
    subtitle = f"{counted(len(uses), 'use')}, {until(view.recorded.period, view.settings.zone)}, newest first"
    heading = element("div", element("div", element("h1", "Uses"), element("p", subtitle, class_="sub")), class_="top")
    links = [
        _chip(words, f"{address}/episodes{_query(view, page=str(to))}")
        for words, to in (("\u2039 Newer", page - 1), ("Older \u203a", page + 1))
        if 1 <= to <= pages
    ]
    where = element("span", f"Page {page} of {pages}", class_="badge")
    listed = episode_table(shown, view.settings.zone, view.recorded.colours, "Uses, newest first")
    foot = element("nav", where, *links, class_="pages", aria_label="Pages")
    return document(title, crumbs, heading, element("section", listed, foot, class_="card"))


def _heading(view: View, period: Period | None) -> Html:
    zone = view.settings.zone
    badge = state_badge(view.cameras)
    newest = view.newest_us
    last = f" last frame {date_and_clock(newest, zone)}, {zone.key}" if newest is not None else f" {zone.key}"
    title = element("div", element("h1", view.site), element("p", badge, last, class_="sub"))
    if period is None:
        return element("div", title, class_="top")
    address = site_address(view.site)
    shown = local(period.from_us, zone).date()
    before, after = shown - timedelta(days=1), shown + timedelta(days=1)
    links = [
        _chip("Latest", address, here=not view.asked),
        _chip(f"\u2039 {_short_day(before)}", f"{address}?from={before}"),
    ]
    links.append(
        _chip(_short_day(shown), f"{address}?from={shown}", here=view.asked and period == _asked_day(view, period))
    )
    if day(after, zone).from_us <= view.now_us:
        links.append(_chip(f"{_short_day(after)} \u203a", f"{address}?from={after}"))
    whole = day_of(period.from_us, zone)
    for shift in shifts_between(view.settings.shifts, zone, whole.from_us, whole.to_us):
        if shift.day == shown:
            stretch = Period(shift.start_us, shift.end_us)
            here = view.asked and stretch.until(view.until_us) == period
            links.append(_chip(shift.name, f"{address}{_between(stretch, view.settings)}", here=here))
    links.append(_range_form(period, view.settings, address))
    return element("div", title, element("nav", *links, class_="when", aria_label="Time shown"), class_="top")


def _range_form(period: Period, settings: SiteSettings, address: str) -> Html:
    def field(words: str, name: str, at_us: int) -> Html:
        value = local(at_us, settings.zone).strftime("%Y-%m-%dT%H:%M:%S")
        box = element("input", type="datetime-local", name=name, step=1, required=True, value=value)
        return element("label", words, box)

    form = element(
        "form",
        field("From", "from", period.from_us),
        field("To", "to", period.to_us),
        element("button", "Show", type="submit"),
        action=address,
        method="get",
    )
    return element("details", element("summary", "Other times", class_="chip"), form, class_="range")


def _now(uses: Sequence[Episode], view: View) -> Html | None:
    zone = view.settings.zone
    items = []
    for one in uses:
        if one.state is EpisodeState.FINAL:
            continue
        where = f" at {one.station}" if one.station else ""
        since = f", {one.stream.camera}, since {clock(one.start_us, zone)}"
        if one.state is EpisodeState.OPEN:
            items.append(element("li", element("span", "\u25cf", class_="pulse", aria_hidden="true"),
                                 f"{one.tool}{where} in use{since}"))  # fmt: skip
        else:
            items.append(
                element("li", f"{one.tool}{where}{since}: camera is silent, end not certain yet", class_="warn")
            )
    if len(items) > _MOST_NOW:
        items[_MOST_NOW:] = [element("li", f"and {len(items) - _MOST_NOW} more")]
    return element("ul", *items, class_="now", aria_label="In use now") if items else None


def _tiles(report: SiteReport, found: Recorded) -> Html:
    used = [one for one in report.tools if one.used]
    blind = sum(one.not_observed_s for one in report.coverage)
    episodes = sum(one.episodes for one in report.tools)
    tiles = [
        ("Uses", f"{episodes:,}", f"of {counted(len(used), 'tool')}" + _unused(len(report.tools) - len(used))),
        ("Time in use", seconds(sum(one.states.used_s for one in report.tools)), "all tools together"),
        ("Observed", share(observed_share(report.coverage)), f"of the time of {found.cameras_in_words(report)}"),
        ("Not observed", seconds(blind), "neither used nor not used: nobody can say"),
    ]
    if report.worn:
        tiles.append(("Safety equipment worn", share(worn_share(report)), "of the time somebody was seen"))
    cells = [
        element("div", element("dt", name), element("dd", value), element("p", note), class_="tile")
        for name, value, note in tiles
    ]
    return element("dl", *cells, class_="tiles")


def _latest(uses: Sequence[Episode], view: View, found: Recorded) -> Html:
    shown = uses[::-1][:_LATEST]
    address = f"{site_address(view.site)}/episodes{_query(view)}"
    link = element("a", f"All {counted(len(uses), 'use')}", href=address) if len(uses) > len(shown) else None
    title = element("div", element("h2", "Latest uses", id="latest"), link, class_="row")
    api = f"/api{site_address(view.site)}"
    files = element(
        "p",
        "This period as ",
        element("a", "report (JSON)", href=f"{api}/report{_between(found.period, view.settings)}"),
        " or ",
        element("a", "uses (CSV)", href=f"{api}/episodes.csv{_between(found.period, view.settings)}"),
        class_="note",
    )
    none = element("p", "No tool was seen in use.", class_="sub")
    listed = episode_table(shown, view.settings.zone, found.colours, "Latest uses, newest first") if shown else none
    return element("section", title, listed, files, class_="card", aria_labelledby="latest")


def _uses(found: Recorded, report: SiteReport) -> list[Episode]:
    """Episodes of tools, not of safety equipment, by start."""
    named = {step.episode_id for step in report.sequence}
    return [one for one in found.episodes if one.episode_id in named]


def _query(view: View, **more: str) -> str:
    """What keeps a link on the same period."""
    fields = dict(more)
    if view.asked and view.recorded:
        fields |= _ends(view.recorded.period, view.settings)
    return f"?{urlencode(fields)}" if fields else ""


def _between(period: Period, settings: SiteSettings) -> str:
    return f"?{urlencode(_ends(period, settings))}"


def _ends(period: Period, settings: SiteSettings) -> dict[str, str]:
    zone = settings.zone
    return {"from": local(period.from_us, zone).isoformat(), "to": local(period.to_us, zone).isoformat()}


def _asked_day(view: View, period: Period) -> Period:
    return day_of(period.from_us, view.settings.zone).until(view.until_us)


def _short_day(which: date) -> str:
    return f"{which:%a} {which.day} {which:%b}"


def _unused(number: int) -> str:
    return f", {number} not used" if number else ""


def _chip(words: str, address: str, *, here: bool = False) -> Html:
    return element("a", words, href=address, class_="chip", aria_current="true" if here else None)
