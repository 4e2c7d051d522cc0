"""A report's figures as tables of a page."""

from collections.abc import Sequence

from raypp.io.wording import counted
from raypp.reports.colours import Colours
from raypp.reports.coverage_rows import WHOLE, CoverageRow, coverage_rows
from raypp.reports.wording import pause, seconds, share
from raypp.usage.report import SiteReport
from raypp.web.html import Html, element, join
from raypp.web.lanes import WHY_NOT, stack

_MOST_TRANSITIONS = 10
_MOST_COVERAGE_ROWS = 48


def tools_table(report: SiteReport, colours: Colours, note: str | None = None) -> Html:
    """Fact and duration: each tool, how often and how long; under a note on how to read it, if there is one."""
    heads = ("Tool", "#Uses", "#Time in use", "#Median", "#90 % below", "#Longest")
    rows = []
    for one in report.tools:
        open_now = sum(lane.open for lane in report.lanes if lane.tool == one.name)
        unsure = sum(lane.provisional for lane in report.lanes if lane.tool == one.name)
        marks = [
            element("span", "in use now", class_="badge good") if open_now else None,
            element("span", f"{unsure} not certain yet", class_="badge warn") if unsure else None,
        ]
        colour = f"dot c{colours[one.name]}" if one.name in colours else "dot"
        lasted = one.durations
        rows.append(
            [
                element("td", element("i", class_=colour), " ", one.name, " ", marks, class_="w"),
                *_cells(f"{one.episodes:,}" if one.used else "not used", seconds(one.states.used_s)),
                *_cells(seconds(lasted.p50_s), seconds(lasted.p90_s), seconds(lasted.max_s)),
            ]
        )
    seen = "Median, 90 % and longest are of uses whose start and end were both seen."
    above = element("p", note, class_="note above") if note else None
    body = join(above, table("Tools: how often and how long", heads, rows, "tools"))
    return _card("Tools", "tools", body, seen)


def coverage_table(report: SiteReport) -> Html:
    """What was used, what was not, and what nobody can say; by station and shift."""
    rows = list(coverage_rows(report))
    kinds = {row.kind for row in rows}
    # Stations answer the question where there are any; lanes of the timeline have the tools.
    shown = [row for row in rows if row.kind in ({"station", "camera"} if "station" in kinds else {"tool", "camera"})]
    heads = ("Where", "Share", "#Used", "#Not used", "#Observed", "#Not observed")
    body: list[list[Html]] = []
    when = ""
    for row in shown[:_MOST_COVERAGE_ROWS]:
        if (part := row.when if row.when == WHOLE else f"{row.when}, {row.day}") != when:
            when = part
            body.append([element("th", part[:1].upper() + part[1:], scope="rowgroup", colspan=len(heads))])
        body.append(_coverage_cells(row))
    left = max(0, len(shown) - _MOST_COVERAGE_ROWS)
    note = f"{left} more rows are in the report as JSON." if left else None
    return _card("Coverage", "coverage", table("Coverage by station and shift", heads, body, "coverage"), note)


def worn_table(report: SiteReport) -> Html:
    """Safety equipment: how much of the time somebody was seen it was worn."""
    rows = []
    for one in report.worn:
        words = f"worn {share(one.worn_share)} of the time somebody was seen"
        bar = stack(one.worn_share, 1 - one.worn_share, 0, words) if one.worn_share is not None else "nobody was seen"
        where = f"{one.station}, {one.camera}" if one.station else one.camera
        rows.append(
            [
                element("td", one.equipment, class_="w"),
                element("td", where, class_="w"),
                element("td", bar),
                *_cells(share(one.worn_share), seconds(one.seen_s), seconds(one.not_observed_s)),
            ]
        )
    heads = ("Equipment", "Where", "Share", "#Worn", "#Somebody seen for", "#Not observed")
    return _card("Safety equipment", "worn", table("Safety equipment worn", heads, rows, "worn"))


def transitions_table(report: SiteReport) -> Html:
    """Sequence: which tool follows which on a camera."""
    rows = []
    for one in report.transitions[:_MOST_TRANSITIONS]:
        unsure = f" + {one.not_observed} not certain" if one.not_observed else ""
        arrow = element("span", " \u2192 ", aria_label="then")
        rows.append(
            [
                element("td", one.before, arrow, one.after, class_="w"),
                *_cells(f"{one.count:,}{unsure}", pause(one.mean_pause_s)),
            ]
        )
    left = len(report.transitions) - len(rows)
    note = f"{counted(left, 'rarer pair')} left out. " if left else ""
    if any(one.not_observed for one in report.transitions):
        note += "Not certain: the camera did not see all of the time between."
    if not rows:
        note = "No tool has followed another yet."
    heads = ("From, to", "#Times", "#Mean pause")
    return _card("What follows what", "transitions", table("Transitions", heads, rows, "transitions"), note)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Html]], class_: str) -> Html | None:
    """A table that scrolls by itself where it is too wide; a head beginning with # is numeric. None without rows."""
    if not rows:
        return None
    head = [element("th", one.lstrip("#"), scope="col", class_="n" if one.startswith("#") else None) for one in heads]
    whole = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", *head)),
        element("tbody", *(element("tr", *cells, class_="group" if len(cells) == 1 else None) for cells in rows)),
        class_=class_,
    )
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _coverage_cells(row: CoverageRow) -> list[Html]:
    total = row.total_s or 1.0
    used = (row.used_s if row.used_s is not None else 0.0) / total
    idle = row.observed_s / total - used
    if row.used_s is None:
        reasons = ", ".join(f"{WHY_NOT.get(why, why)} {seconds(length)}" for why, length in row.reasons_s.items())
        words = f"observed {share(row.observed_share)}" + (f"; {reasons}" if reasons else "")
    else:
        words = f"used {share(used)}, not used {share(idle)}, not observed {share(1 - row.observed_share)}"
    unseen = max(0.0, row.not_observed_s / total)
    figures = (seconds(row.used_s), seconds(row.not_used_s)) if row.used_s is not None else ("", "")
    place = [element("span", "camera ", class_="badge"), " "] if row.kind == "camera" else []
    return [
        element("td", *place, row.name, class_="w"),
        element("td", stack(used, max(0.0, idle), unseen, words)),
        *_cells(*figures, seconds(row.observed_s), seconds(row.not_observed_s)),
    ]


def _cells(*texts: str) -> list[Html]:
    return [element("td", text, class_="n") for text in texts]


def _card(title: str, name: str, body: Html | None, note: str | None = None) -> Html:
    words = element("p", note, class_="note") if note else None
    return element("section", element("h2", title, id=name), body, words, class_="card", aria_labelledby=name)
