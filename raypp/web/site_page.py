"""The page of one site: what is in use now, the figures, the timeline, and what lies behind them."""

from dataclasses import dataclass, replace
from typing import ClassVar

from raypp.reports.chart import chart_of, with_violations
from raypp.reports.colours import Colours
from raypp.reports.coverage_rows import observed_share, worn_share
from raypp.reports.records import Recorded
from raypp.reports.wording import clock, overlaps, percentage, seconds, until
from raypp.text.wording import counted
from raypp.usage.episode import Episode, EpisodeState
from raypp.usage.episodes import Episodes
from raypp.usage.report import SiteReport, WornReport
from raypp.web.addresses import period_query
from raypp.web.episode_rows import EpisodeTable, episode_table
from raypp.web.figures import CoverageTable, ToolRow, TransitionTable, coverage_table, tool_rows, transition_table
from raypp.web.site_heading import SiteHeading, SiteView, heading_of
from raypp.web.timeline import Timeline, timeline_of
from raypp.web.values import SITES, Chip, Crumb, Going, Notice, Page, Pager, Tile

PAGE_EPISODES = 100
_LATEST = 12
_MOST_NOW = 12
_STEPS = 1000
_NO_FRAMES = Notice("No frames yet", "When its first camera sends frames, its timeline begins here.")
_NO_USES = Notice("No uses", "None were found in this period.")


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """The record of a site in a period.

    Attributes:
        now: uses that go on, the first few; `more_now` counts the rest.
        tiles: figures of the whole.
        period: in words.
        overlaps: sentences on streams that saw the same time.
        timeline: the drawing.
        tools, note: the table of tools, and how to read it; the note may be empty.
        colours: of the tools.
        transitions, coverage, worn: tables.
        latest: uses; `all_uses` leads to the others, if there are more.
        report_address, csv_address: the same as files.
    """

    now: tuple[Going, ...]
    more_now: int
    tiles: tuple[Tile, ...]
    period: str
    overlaps: tuple[str, ...]
    timeline: Timeline
    tools: tuple[ToolRow, ...]
    note: str
    colours: Colours
    transitions: TransitionTable
    coverage: CoverageTable
    worn: tuple[WornReport, ...]
    latest: EpisodeTable
    all_uses: Chip | None
    report_address: str
    csv_address: str


@dataclass(frozen=True, slots=True)
class SitePage(Page):
    """One site: what it recorded, or a notice that there is nothing."""

    template: ClassVar[str] = "raypp.web/site.html"
    heading: SiteHeading
    record: SiteRecord | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class EpisodesPage(Page):
    """Uses of a period, newest first, or a notice that there are none."""

    template: ClassVar[str] = "raypp.web/episodes.html"
    subtitle: str = ""
    listed: EpisodeTable | None = None
    pager: Pager | None = None
    notice: Notice | None = None


def site_page(view: SiteView) -> SitePage:
    """Show one site."""
    crumbs = (SITES, Crumb(view.site, view.address))
    page = SitePage(f"{view.site} · raypp", crumbs, heading_of(view))
    recorded = view.recorded
    if recorded is None:
        return replace(page, notice=_NO_FRAMES)
    if not recorded.episodes and not recorded.stretches:
        text = f"From {until(recorded.period, view.settings.zone)} no camera sent a frame: coverage 0 %."
        return replace(page, notice=Notice("Nothing was recorded", text))
    return replace(page, record=_record(view, recorded))


def episodes_page(view: SiteView, page: int) -> EpisodesPage:
    """Show all uses of a period, newest first."""
    address = f"{view.address}/episodes"
    crumbs = (SITES, Crumb(view.site, view.address), Crumb("Uses", f"{address}{view.query()}"))
    title = f"Uses at {view.site} · raypp"
    uses = view.recorded.uses() if view.recorded else Episodes.of(())
    if not uses or view.recorded is None:
        return EpisodesPage(title, crumbs, notice=_NO_USES)
    pages = -(-len(uses) // PAGE_EPISODES)
    page = min(max(1, page), pages)
    shown = uses[::-1][(page - 1) * PAGE_EPISODES : page * PAGE_EPISODES]
    zone = view.settings.zone
    subtitle = f"{counted(len(uses), 'use')}, {until(view.recorded.period, zone)}, newest first"
    links = tuple(
        Chip(text, f"{address}{view.query(other)}")
        for text, other in (("\u2039 Newer", page - 1), ("Older \u203a", page + 1))
        if 1 <= other <= pages
    )
    listed = episode_table(shown, zone, view.recorded.colours, "Uses, newest first")
    return EpisodesPage(title, crumbs, subtitle, listed, Pager(page, pages, links))


def _record(view: SiteView, recorded: Recorded) -> SiteRecord:
    zone, report = view.settings.zone, recorded.figures().report
    chart = chart_of(report, zone, recorded.episodes, recorded.stretches, _STEPS, recorded.colours)
    if view.safety is not None:
        chart = with_violations(chart, view.safety.violations, _STEPS)
    uses = recorded.uses()
    now = [_now(use, view) for use in uses.take(uses.state != int(EpisodeState.FINAL))]
    more = Chip(f"All {counted(len(uses), 'use')}", f"{view.address}/episodes{view.query()}")
    files = period_query(recorded.period, view.settings)
    return SiteRecord(
        now=tuple(now[:_MOST_NOW]),
        more_now=max(0, len(now) - _MOST_NOW),
        tiles=_tiles(report, recorded),
        period=until(recorded.period, zone),
        overlaps=tuple(overlaps(report, zone)),
        timeline=timeline_of(chart),
        tools=tool_rows(report),
        note=recorded.note or "",
        colours=recorded.colours,
        transitions=transition_table(report),
        coverage=coverage_table(report),
        worn=tuple(report.worn),
        latest=episode_table(uses[::-1][:_LATEST], zone, recorded.colours, "Latest uses, newest first"),
        all_uses=more if len(uses) > _LATEST else None,
        report_address=f"/api{view.address}/report{files}",
        csv_address=f"/api{view.address}/episodes.csv{files}",
    )


def _now(use: Episode, view: SiteView) -> Going:
    where = f"{use.tool} at {use.station}" if use.station else use.tool
    since = f", {use.stream.camera}, since {clock(use.start_us, view.settings.zone)}"
    if use.state is EpisodeState.OPEN:
        return Going(f"{where} in use{since}", open=True)
    return Going(f"{where}{since}: camera is silent, end not certain yet", open=False)


def _tiles(report: SiteReport, recorded: Recorded) -> tuple[Tile, ...]:
    used = [tool for tool in report.tools if tool.used]
    unused = len(report.tools) - len(used)
    blind_s = sum(camera.not_observed_s for camera in report.coverage)
    tiles = [
        Tile(
            "Uses",
            f"{sum(tool.episodes for tool in report.tools):,}",
            f"of {counted(len(used), 'tool')}" + (f", {unused} not used" if unused else ""),
        ),
        Tile("Time in use", seconds(sum(tool.states.used_s for tool in report.tools)), "all tools together"),
        Tile(
            "Observed",
            percentage(observed_share(report.coverage)),
            f"of the time of {recorded.cameras_in_words(report)}",
        ),
        Tile("Not observed", seconds(blind_s), "neither used nor not used: nobody can say"),
    ]
    if report.worn:
        unseen_s = sum(row.not_observed_s for row in report.worn)
        words = f"of the time somebody was seen; {seconds(unseen_s)} not observed"
        tiles.append(Tile("Safety equipment worn", percentage(worn_share(report)), words))
    return tuple(tiles)
