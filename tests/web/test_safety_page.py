"""The page of safety: the figures of the report, each leading to what it is made of."""

import re
from html import unescape

import pytest

from raypp.ledger.store import Ledger
from raypp.reports.safety import read_safety
from raypp.reports.safety_record import SafetyReport
from raypp.reports.wording import percentage
from raypp.usage.episode import StreamName, Stretch
from raypp.usage.observation import Observation
from raypp.web.request import PageRequest
from raypp.web.routes import respond
from tests.reports.plants import SECOND_US
from tests.web.pages import Page, basic
from tests.web.yards import CAMERA, DAYS, NOW_US, PIT, SafetySite, safety_site, violations, write

_WHOLE = "from=2026-03-02&to=2026-03-04"
_ROW = re.compile(r'<tr data-violation="(\w+)">')


def _get(yard: SafetySite, path: str, query: str = "", status: int = 200, ledger: Ledger | None = None) -> str:
    request = PageRequest("GET", path, query, basic(yard.tokens["operator"]))
    answer = respond(request, ledger or yard.ledger, yard.identities, NOW_US)
    assert answer.status == status, answer.body.decode()
    return answer.body.decode()


def _follow(yard: SafetySite, address: str) -> str:
    path, _, query = unescape(address).partition("#")[0].partition("?")
    return _get(yard, path, query)


def _report(yard: SafetySite, begin: str = "2026-03-02", end: str = "2026-03-04") -> SafetyReport:
    return read_safety(yard.ledger, "yard", begin, end).report()


def _table(page: str, name: str) -> str:
    table = re.search(rf'<table class="{name}">.*?</table>', page, re.DOTALL)
    assert table
    return table.group()


def _cells(row: str) -> list[str]:
    return [unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r'<td class="n"[^>]*>(.*?)</td>', row)]


def test_compliance_has_the_figures_of_the_report_and_its_cells_lead_to_their_violations(yard: SafetySite) -> None:
    page, report = _get(yard, "/sites/yard/safety", _WHOLE), _report(yard)
    groups = _table(page, "compliance").split('<tr class="group">')[1:]
    assert [re.sub("<[^>]+>", "", group.split("</tr>")[0]) for group in groups] == ["Whole range", "Early", "Late"]
    rows = re.findall(r"<tr data-rule=.*?</tr>", groups[0])
    assert len(rows) == len(report.totals) == 3
    for row, total in zip(rows, report.totals, strict=True):
        assert _cells(row)[-1] == str(total.violations)
        if total.worn_s is not None:
            assert _cells(row)[:2] == [percentage(total.worn_share), percentage(total.cannot_tell_share)]
    sums = {"Early": 0, "Late": 0}
    for shift in report.shifts:
        sums[shift.name] += sum(total.violations for total in shift.totals)
    for group, (name, count) in zip(groups[1:], sums.items(), strict=True):
        assert sum(int(_cells(row)[-1]) for row in re.findall(r"<tr data-rule=.*?</tr>", group)) == count, name
    links = re.findall(r'<td class="n"><a href="([^"]+)">(\d+)</a>', "".join(groups))
    assert len(links) == 9
    for address, count in links:
        listed = Page(_follow(yard, address))
        assert len(listed.named("data-violation")) == int(count)
    names = {row.violation_id for row in report.violations if (row.zone, row.item) == ("track", "vest")}
    assert set(Page(_follow(yard, links[1][0])).named("data-violation")) == names


def test_the_trend_has_a_point_for_each_day_that_can_be_told_and_leads_to_it(yard: SafetySite) -> None:
    page = _get(yard, "/sites/yard/safety", _WHOLE)
    drawn = re.findall(r'<svg class="plot" role="group".*?</svg>', page, re.DOTALL)
    days = [{total.item: total for total in day.totals} for day in _report(yard).days]
    assert len(days) == len(DAYS)
    assert len(drawn) == 2
    for item, svg in zip(("helmet", "vest"), drawn, strict=True):
        shares = [total.worn_share for day in days if (total := day.get(item)) and total.worn_share is not None]
        heights = [float(at) for at in re.findall(r'<circle [^>]*cy="([\d.]+)%"', svg)]
        assert heights == pytest.approx([10 + 80 * (1 - share) for share in shares], abs=0.01)
    assert "cannot tell" in drawn[1]
    links = re.findall(r'<a href="([^"]+)"', drawn[0])
    assert links == [f"/sites/yard/safety?from=2026-03-0{day}" for day in (2, 3, 4)]
    assert len(Page(_follow(yard, links[1])).named("data-violation")) == 24
    of_a_day = _get(yard, "/sites/yard/safety")
    assert "Thu 19 Feb to Wed 4 Mar" in of_a_day  # of one day those before it are shown, too
    assert len(re.findall("<circle", of_a_day)) == len(re.findall("<circle", page))


@pytest.mark.parametrize(("state", "words"), [("open", "going on"), ("provisional", "end not certain yet"),
                                              ("final", ">ended<"), ("cut", "cut: no longer seen")])  # fmt: skip
def test_states_are_said_and_filter(yard: SafetySite, state: str, words: str) -> None:
    page = _get(yard, "/sites/yard/safety", f"state={state}")
    rows = _table(page, "violations").split("<tr data-violation")[1:]
    assert len(rows) == 6
    assert all(words in row for row in rows)


def test_what_goes_on_stands_above(yard: SafetySite) -> None:
    page = _get(yard, "/sites/yard/safety", "from=2026-03-02")
    now = re.findall(r"<li[^>]*>(.*?)</li>", page.split('aria-label="Violations now"')[1].split("</ul>")[0])
    assert len(now) == 12
    assert "helmet not worn in track, track-3, since 13:37:30" in re.sub("<[^>]+>", "", now[0] + now[1])


@pytest.mark.parametrize(("sort", "key"), [("start", "start_us"), ("lasted", "duration_s"), ("sure", "sure"),
                                           ("zone", "zone")])  # fmt: skip
def test_headings_sort_both_ways(yard: SafetySite, sort: str, key: str) -> None:
    rows = {row.violation_id: getattr(row, key) for row in _report(yard).violations}
    for sign, turned in (("", False), ("-", True)):
        page = _get(yard, "/sites/yard/safety", f"{_WHOLE}&sort={sign}{sort}")
        values = [rows[name] for name in _ROW.findall(page)]
        assert len(values) == 72
        assert values == sorted(values, reverse=turned)
        assert f'aria-sort="{"descending" if turned else "ascending"}"' in page


def test_a_violation_leads_to_the_timeline_at_its_moment(yard: SafetySite) -> None:
    page = _get(yard, "/sites/yard/safety", "from=2026-03-03&kind=forbidden&sort=start")
    address = re.findall(r'<td class="t"><a href="([^"]+)"', page)[0]
    first = next(row for row in _report(yard).violations if row.start_us >= DAYS[1] and row.kind == "forbidden")
    assert address.endswith("#timeline")
    timeline = _follow(yard, address)
    lanes = [about for _, about in Page(timeline).elements if about.get("data-rule") == "forbidden"]
    assert [(lane["data-station"], lane["data-uses"]) for lane in lanes] == [(PIT, "1")]
    assert f"forbidden, {first.start[11:19]} to {first.end[11:19]}" in timeline


def test_many_violations_come_page_by_page(tmp_path) -> None:
    with safety_site(tmp_path / "ledger.db", per_day=120) as many:
        whole, seen = "/sites/yard/safety?from=2026-03-02&to=2026-03-04", set()
        for count in (100, 100, 100, 60):
            page = _follow(many, whole)
            names = _ROW.findall(page)
            assert len(names) == count
            seen |= set(names)
            after = re.findall(r'<a href="([^"]+)" class="chip">After', page)
            whole = after[0] if after else ""
        assert not whole
        assert len(seen) == 360


def test_what_two_streams_saw_counts_once_as_in_the_report(tmp_path) -> None:
    with safety_site(tmp_path / "ledger.db") as site:
        stream = StreamName("yard", CAMERA, DAYS[-1] + 600 * SECOND_US)
        seen = Stretch(stream, stream.epoch, stream.epoch + 3600 * SECOND_US, Observation.OBSERVED)
        write(site.ledger, stream, list(violations(stream, 40, last=False)), (), [seen])
        report = read_safety(site.ledger, "yard", "2026-03-04").report()
        assert len(report.violations) == 24 + 20
        listed = Page(_get(site, "/sites/yard/safety", "from=2026-03-04&sort=start")).named("data-violation")
        assert listed == [row.violation_id for row in report.violations]


@pytest.mark.parametrize(("query", "words"), [
    ("state=final_", "state 'final_' is none; give one of open, provisional, final, cut"),
    ("kind=x", "kind 'x' is none; give one of not_worn, forbidden, most_people, alone"),
    ("sort=height", "sort 'height' is no column; give one of start, zone"),
    ("page=0", "page '0' is out of range; give 1 to 1,000,000".replace(",", "")),
    ("from=2026-01-01&to=2026-03-04", "at most 31 days at a time"),
])  # fmt: skip
def test_what_makes_no_sense_is_said(yard: SafetySite, query: str, words: str) -> None:
    assert words in unescape(_get(yard, "/sites/yard/safety", query, 400))


def test_names_that_nobody_has_list_nothing(yard: SafetySite) -> None:
    page = _get(yard, "/sites/yard/safety", "zone=<b>moon</b>&shift=night")
    assert "0 violations of 24" in page
    assert "<b>moon" not in page


def test_a_site_without_zones_or_frames_is_told_so(yard: SafetySite) -> None:
    assert "No frames yet" in _get(yard, "/sites/bare/safety")
    page = _get(yard, "/sites/bare/safety", "from=2026-03-02")
    assert "No zones are set" in page
    assert "raypp site configure bare settings.yaml" in page
    assert "/safety" not in _get(yard, "/sites/bare")
    assert "/sites/yard/safety" in _get(yard, "/sites/yard")


def test_more_violations_than_a_page_is_made_of_are_refused(yard: SafetySite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypp.web.site_routes.MOST_VIOLATIONS", 71)
    words = "more than 71 violations; ask for a shorter one"
    assert words in _get(yard, "/sites/yard/safety", _WHOLE, 400)
    assert words not in _get(yard, "/sites/yard/safety", "from=2026-03-02")
