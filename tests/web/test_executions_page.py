"""Pages of executions: the figures of the report, each leading to what it is made of, and nobody waits for pm4py."""

import re
from html import unescape
from threading import Event

import pytest

from raypp.errors import OptionError
from raypp.reports.period import Period
from raypp.web import execution_reports
from raypp.web.execution_reports import ExecutionReports
from tests.reports.plants import SECOND_US, moment
from tests.web.benches import DAY, NOW_US, ExecutionSite
from tests.web.pages import Page


def _rows(page: str, name: str) -> list[list[str]]:
    rows = re.findall(rf"<tr data-{name}=.*?</tr>", page, re.DOTALL)
    return [[unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in re.findall("<td.*?</td>", row, re.DOTALL)]
            for row in rows]  # fmt: skip


def test_executions_and_procedures_have_the_figures_of_the_report(bench: ExecutionSite) -> None:
    page, report = bench.get("/sites/plant/executions", f"{DAY}&sort=start"), bench.report()
    assert Page(page).named("data-execution") == [row.execution_id for row in report.executions]
    rows = _rows(page, "execution")
    assert rows[0][:4] == ["Mon 2 Mar 2026, 08:00:10", "08:01:10", "pump housing", "bench-1"]
    assert [row[4] for row in rows] == ["1 min 00 s", "50.0 s", "1 min 00 s"]
    assert [row[5] for row in rows] == ["+0 %", "-17 %", "+0 %"]
    assert [row[7] for row in rows] == ["-", "drill missing; deburr out of order", "-"]
    assert [row[8] for row in rows] == ["-", "-", "deburr"]
    assert [row[9] for row in rows] == ["as prescribed", "deviating", "cannot tell"]
    assert _rows(page, "procedure") == [
        ["pump housing", "3", "1", "1", "1", "0", "1 min 00 s", "1 missing, 1 out of order"]
    ]


def test_figures_lead_to_the_executions_they_are_made_of(bench: ExecutionSite) -> None:
    page = bench.get("/sites/plant/executions", DAY)
    table = page.split('<table class="procedures">')[1].split("</table>")[0]
    links = re.findall(r'<a href="([^"]+)">(\d+)', table)
    assert len(links) == 7
    for address, count in links:
        assert len(Page(bench.follow(address)).named("data-execution")) == int(count)


@pytest.mark.parametrize(("query", "count"), [
    ("outcome=deviating", 1), ("deviation=missing", 1), ("deviation=too_long", 0), ("place=bench-1", 3),
    ("place=bench-9", 0), ("procedure=pump housing", 3), ("procedure=other", 0), ("", 3),
])  # fmt: skip
def test_filters(bench: ExecutionSite, query: str, count: int) -> None:
    page = bench.get("/sites/plant/executions", f"{DAY}&{query}".replace(" ", "+"))
    assert len(Page(page).named("data-execution")) == count


def test_headings_sort(bench: ExecutionSite) -> None:
    fitness = {row.execution_id: row.fitness for row in bench.report().executions}
    names = Page(bench.get("/sites/plant/executions", f"{DAY}&sort=fitness")).named("data-execution")
    assert [fitness[name] for name in names] == sorted(fitness.values())
    assert len(set(fitness.values())) > 1


def test_a_part_of_a_day_shows_what_began_in_it_with_the_same_median(bench: ExecutionSite) -> None:
    page = bench.get("/sites/plant/executions", "from=2026-03-02T08:01&to=2026-03-02T08:03")
    assert [row[5] for row in _rows(page, "execution")] == ["-17 %"]


def test_a_step_leads_to_the_uses_it_was_aligned_with(bench: ExecutionSite) -> None:
    report = bench.report()
    for row in report.executions:
        page = bench.get(f"/sites/plant/executions/{row.execution_id}", DAY)
        steps = re.findall(r"<tr data-step=.*?</tr>", page, re.DOTALL)
        assert len(steps) == len(row.steps)
        for html, step in zip(steps, row.steps, strict=True):
            assert all(verdict.replace("_", " ") in html for verdict in step.verdicts)
            links = re.findall(r'href="([^"]+)"', html)
            assert [address.partition("#use-")[2] for address in links] == step.episodes
            for address, name in zip(links, step.episodes, strict=True):
                assert name in Page(bench.follow(address)).named("data-episode")
            assert (step.start is None) == (">-</td>" in html and not links)
            if step.start:
                assert step.start[11:19] in html
    timeline = re.findall(r'<a href="([^"]+)" class="chip">Timeline', page)[0]
    assert 'data-tool="clamp"' in bench.follow(timeline)
    assert 'id="use-' in bench.get("/sites/plant/episodes", DAY)


def test_what_is_not_there_is_said(bench: ExecutionSite, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No procedures are set" in bench.get("/sites/bare/executions")
    assert "raypp site configure bare settings.yaml" in bench.get("/sites/bare/executions/x")
    assert "No such execution" in bench.get(f"/sites/plant/executions/{'0' * 32}", DAY)
    assert "0 executions" in bench.get("/sites/plant/executions", "from=2026-03-01")
    assert "outcome &#39;late&#39; is none; give one of conforming" in bench.get(
        "/sites/plant/executions", "outcome=late", 400
    )
    assert "/executions" not in bench.get("/sites/bare")
    assert "/sites/plant/executions" in bench.get("/sites/plant")
    monkeypatch.setattr("raypp.web.executions_page.find_spec", {}.get)
    page = bench.get("/sites/plant/executions")
    assert "The extra process is not installed" in page
    assert "pip install &#39;raypp[process]&#39;" in page


def test_nobody_waits_while_executions_are_compared(bench: ExecutionSite, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, calls, judge = Event(), [], execution_reports.executions_within

    def slow(*about: object, **options: object) -> object:
        calls.append(about)
        assert go_on.wait(30)
        return judge(*about, **options)

    monkeypatch.setattr(execution_reports, "executions_within", slow)
    reports = ExecutionReports(bench.ledger, 0.05)
    for path in ("/sites/plant/executions", "/sites/plant/executions", f"/sites/plant/executions/{'0' * 32}"):
        answer = bench.ask(path, DAY, reports)
        assert (answer.status, b"Executions are being compared" in answer.body) == (202, True)
        assert "ETag" not in answer.headers
    assert len(calls) == 1
    go_on.set()
    settings = bench.ledger.present_settings("plant")
    day = Period(moment(2026, 3, 2), moment(2026, 3, 2, 8, 5))
    patient = ExecutionReports(bench.ledger, None)
    assert patient.of("plant", settings, day).is_fresh
    assert patient.of("plant", settings, day).is_fresh
    assert len(calls) == 2  # the second time nothing had changed
    go_on.clear()
    patient._wait_s = 0.05
    later = patient.of("plant", settings, Period(day.from_us, day.to_us + SECOND_US))
    assert (later.is_fresh, later.report and len(later.report.executions)) == (False, 3)
    for number in range(1, 7):  # each waits for those before it, up to a few
        assert not patient.of("plant", settings, Period(day.from_us + number, day.to_us)).is_fresh
    assert len(patient._begun) == execution_reports._MOST_BEGUN
    go_on.set()
    for worker in patient._workers.values():
        worker.shutdown()
    assert not patient._begun  # also of those that nobody asked for again


def test_what_cannot_be_judged_is_said_and_tried_anew(bench: ExecutionSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_reports, "MOST_EPISODES", 3)
    reports = ExecutionReports(bench.ledger, None)
    for _ in range(2):
        answer = bench.ask("/sites/plant/executions", DAY, reports)
        assert (answer.status, b"more than 3 uses" in answer.body) == (400, True)
    with pytest.raises(OptionError, match="ask for a shorter one"):
        reports.of("plant", bench.ledger.present_settings("plant"), Period(moment(2026, 3, 2), NOW_US))
    monkeypatch.undo()
    assert bench.ask("/sites/plant/executions", DAY, reports).status == 200
