"""`raypp report --safety`: person-time and violations from a ledger, as tables and files, as the fold found them."""

import csv
from collections import Counter
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from raypp.api import open_ledger
from raypp.cli.report import make_command
from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.settings import CAMERA, yard_site_settings
from raypp.demo.yard.site import Seeds, Yard
from raypp.errors import OptionError
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import Commit, StreamAbout
from raypp.reports.safety_record import SafetyReport, ZoneTotal
from raypp.reports.wording import percentage
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.fold import Fold
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes
from raypp.usage.violation import CannotTell, Violation, ViolationKind
from tests.reports.plants import SECOND_US, moment

_CHANGE = moment(2026, 3, 2, 14, 0, zone=ZoneInfo("UTC"))
_START = _CHANGE - 20 * SECOND_US
_STREAM = StreamName("yard", CAMERA, _START)
_ABOUT = StreamAbout(CLASSES, "a" * 64, "b" * 32, live=False)
_SHIFTS = """shifts:
  - {name: early, start: 06:00, end: 14:00}
  - {name: late, start: 14:00, end: 22:00}
"""
_SETTINGS = yard_site_settings("yard") + _SHIFTS
_SECOND = "  yard-2: {zones: {pit: {polygon: [[0, 0], [1, 0], [1, 1]], forbidden: true}}}\n"
_MANY = {CAMERA: 45, "yard-2": 1}
_SUMS = ("worn_s", "not_worn_s", "cannot_tell_s", "violations", "violations_s")


class _Yard:
    """A ledger with a yard over a change of shifts, as the fold alone has it, too; and two other sites."""

    def __init__(self, path: Path) -> None:
        self.path = path
        frames = tuple(
            as_stored(replace(frame.frame, timestamp_us=_START + frame.frame.timestamp_us))
            for frame in Yard.make(Seeds.DEVELOP, 3, seconds=40).frames
        )
        fold = Fold(SiteSettings.parse(_SETTINGS, "test"), _STREAM, CLASSES)
        state, changes = fold.advance(fold.begin(), frames)
        self.found = changes.then(fold.finish(state, CloseReason.END_OF_STREAM)[1])
        with Ledger.open(sqlite_url(path)) as opened:
            for site in ("yard", "busy", "bare"):
                opened.add_site(site)
            opened.configure("yard", _SETTINGS)
            opened.configure("busy", yard_site_settings("busy") + _SECOND)
            writer = StreamWriter.open(opened, _STREAM, _ABOUT)
            writer.commit(1, frames[:250], last=False)
            writer.commit(2, frames[250:], last=True)
            for camera, violations in _MANY.items():  # more than a terminal is shown
                _commit(opened, StreamName("busy", camera, _START), violations)


def _commit(ledger: Ledger, stream: StreamName, count: int) -> None:
    """Commit violations that begin a second apart."""
    settings = ledger.present_settings("busy")
    violations = tuple(
        Violation(
            f"{number:025x}{stream.camera.encode().hex()[-7:]}",
            stream,
            ViolationKind.FORBIDDEN,
            "pit",
            "",
            number,
            _START + number * SECOND_US,
            _START + (number + 4) * SECOND_US,
            4 * SECOND_US,
            0.75,
            EpisodeState.FINAL,
            CloseReason.ENDED,
        )
        for number in range(count)
    )
    position = ledger.open_stream(stream, _ABOUT)
    state = Fold(settings, stream, CLASSES).begin().to_json()
    ledger.commit(
        Commit(stream, 1, (), state, settings.settings_id, Changes(violations=violations), True, position.lease)
    )


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> _Yard:
    return _Yard(tmp_path_factory.mktemp("safety") / "ledger.db")


def _print(yard: _Yard, *arguments: object, site: str = "yard", status: int = 0) -> str:
    app = typer.Typer()
    app.command()(make_command(lambda url: Ledger.open(url, create=False)))
    named = [site, "--ledger", sqlite_url(yard.path), "--safety", *map(str, arguments)]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, named)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def _report(yard: _Yard, folder: Path) -> SafetyReport:
    _print(yard, "--json", folder / "s.json")
    return SafetyReport.model_validate_json((folder / "s.json").read_text())


def _sums(totals: list[ZoneTotal]) -> dict[str, float]:
    return {name: sum(getattr(total, name) or 0 for total in totals) for name in _SUMS}


def test_totals_are_those_of_the_fold(yard: _Yard, tmp_path: Path) -> None:
    report = _report(yard, tmp_path)
    of_items = {(total.zone, total.item): total for total in report.totals if total.kind == "not_worn"}
    assert list(of_items)[:4] == [("track", item) for item in ("helmet", "vest", "gloves", "shoes")]
    shares = 0
    for place, total in of_items.items():
        rows = [row for row in yard.found.exposures if (row.zone, row.item) == place]
        worn_us, bare_us = sum(row.worn_us for row in rows), sum(row.not_worn_us for row in rows)
        untold_us = sum(row.cannot_tell_us for row in rows)
        seconds = (total.worn_s, total.not_worn_s, total.cannot_tell_s)
        assert seconds == (worn_us / 1e6, bare_us / 1e6, untold_us / 1e6)
        if worn_us + bare_us:
            shares += 1
            assert total.worn_share == pytest.approx(worn_us / (worn_us + bare_us))
            assert total.cannot_tell_share == pytest.approx(untold_us / (worn_us + bare_us + untold_us))
        hidden_us = sum(row.doubts_us[CannotTell.HIDDEN] for row in rows)
        assert total.reasons_s.get("hidden", 0) == hidden_us / 1e6
        assert sum(total.reasons_s.values()) == pytest.approx(untold_us / 1e6)
    assert shares >= 3
    counts = Counter((row.zone, row.kind.name.lower(), row.item) for row in yard.found.violations)
    assert {(row.zone, row.kind, row.item): row.violations for row in report.totals if row.violations} == counts
    assert {(row.zone, row.kind) for row in report.totals} >= {("pit", "forbidden"), ("shaft", "alone")}
    assert all(total.worn_s is None for total in report.totals if total.kind != "not_worn")
    assert [row.camera for row in report.coverage] == [CAMERA]


def test_shifts_share_out_what_began_in_them(yard: _Yard, tmp_path: Path) -> None:
    report = _report(yard, tmp_path)
    assert [(shift.name, shift.day) for shift in report.shifts] == [("early", "2026-03-02"), ("late", "2026-03-02")]
    parts = [_sums(shift.totals) for shift in report.shifts]
    before = sum(row.worn_us for row in yard.found.exposures if row.start_us < _CHANGE)
    assert parts[0]["worn_s"] == pytest.approx(before / 1e6)
    assert 0 < parts[0]["worn_s"] < _sums(report.totals)["worn_s"]
    assert {name: parts[0][name] + parts[1][name] for name in _SUMS} == pytest.approx(_sums(report.totals))
    late = _lines(_print(yard, "--from", "2026-03-02T14:00", "--to", "2026-03-02T15:00"))
    assert sum(line.startswith("late, 2026-03-02 ") and ", yard-1 " in line for line in late) == 1
    assert not any(line.startswith(("early", "Mon 02 Mar 13:59")) for line in late)
    assert any(row.start_us < _CHANGE < row.end_us for row in yard.found.violations)


def test_no_word_is_broken_on_a_terminal_of_80_columns(yard: _Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = set(" ".join(_lines(_print(yard))).split())
    assert words >= {"compliant", "violations", "early,", "late,", "2026-03-02", "forbidden", "helmet"}


def test_the_terminal_has_compliance_and_the_latest_violations(yard: _Yard) -> None:
    lines = _lines(_print(yard))
    assert lines[0].startswith("yard Mon 2 Mar 2026, 13:59:40 to 14:00:")
    assert "Compliance, in time of people" in lines
    assert [line for line in lines if line.startswith("shaft, yard-1 alone - - - - -")]
    rows = [line for line in lines if line.startswith("Mon 02 Mar")]
    assert len(rows) == len(yard.found.violations)
    last = max(yard.found.violations, key=lambda row: (row.start_us, row.violation_id))
    assert f"{CAMERA} {last.zone} {last.item or last.kind.name.lower().replace('_', ' ')}" in rows[-1]
    assert rows[-1].endswith("final")
    busy = _lines(_print(yard, "--from", "2026-03-02", "--to", "2026-03-02", site="busy"))
    rows = [line for line in busy if line.startswith("Mon 02 Mar")]
    assert rows[-1] == "Mon 02 Mar 14:00:24 yard-1 pit forbidden 4.0 s 4.0 s 75 % final"
    assert len(rows) == 40
    assert "6 earlier violations left out; --out DIR and --json FILE have all" in busy
    second = _lines(_print(yard, "--camera", "yard-2", "--from", "2026-03-02", "--to", "2026-03-02", site="busy"))
    assert "pit, yard-2 forbidden - - - - - 1" in second
    assert not any(CAMERA in line for line in second)


def test_files_and_tables_hold_the_same_violations(yard: _Yard, tmp_path: Path) -> None:
    report, out = _report(yard, tmp_path), tmp_path / "out"
    _print(yard, "--out", out)
    assert sorted(path.name for path in out.iterdir()) == [
        "exposure.csv",
        "safety.json",
        "trend.csv",
        "trend.parquet",
        "trend.png",
        "violations.csv",
        "violations.parquet",
    ]
    assert SafetyReport.model_validate_json((out / "safety.json").read_text()) == report
    names = [row.violation_id for row in report.violations]
    assert set(names) == {row.violation_id for row in yard.found.violations}
    with (out / "violations.csv").open(newline="") as file:
        assert [row["violation_id"] for row in csv.DictReader(file)] == names
    with (out / "exposure.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["zone"], row["item"], int(row["start_us"]), float(row["worn_s"])) for row in rows} == {
        (row.zone, row.item, row.start_us, row.worn_us / 1e6) for row in yard.found.exposures
    }
    table = pq.read_table(out / "violations.parquet")
    with open_ledger(yard.path) as reader:
        assert reader.violations("yard").equals(table)
    start = table.column("start")[0].as_py()
    assert start.tzinfo is not None
    assert round(start.astimezone(UTC).timestamp() * 1e6) == report.violations[0].start_us


def test_the_trend_shares_out_what_began_on_each_day(yard: _Yard, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lines = _lines(_print(yard, "--from", "2026-03-01", "--to", "2026-03-02", "--out", out))
    report = SafetyReport.model_validate_json((out / "safety.json").read_text())
    assert [day.day for day in report.days] == ["2026-03-01", "2026-03-02"]
    assert report.days[0].totals == []
    assert _sums(report.days[1].totals) == pytest.approx(_sums(report.totals))
    head = lines.index("Compliant, by day (cannot tell)")
    assert lines[head + 1] == "where Sun 01 Mar Mon 02 Mar"
    helmet = next(total for total in report.totals if (total.zone, total.item) == ("track", "helmet"))
    shares = f"{percentage(helmet.worn_share)} ({percentage(helmet.cannot_tell_share)})"
    assert lines[head + 2] == f"helmet, track, {CAMERA} - {shares}"
    with (out / "trend.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["day"] for row in rows} == {"2026-03-02"}
    assert [row["violations"] for row in rows] == [str(total.violations) for total in report.days[1].totals]
    table = pq.read_table(out / "trend.parquet")
    assert [row["worn_s"] for row in table.to_pylist()] == [total.worn_s for total in report.days[1].totals]
    assert table.column("day")[0].as_py().isoformat() == "2026-03-02"
    with Image.open(out / "trend.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 22)}
    assert (0x15, 0x7A, 0x52) in colours  # a point of what is worn
    assert not any(line.startswith("Compliant, by day") for line in _lines(_print(yard)))
    first_day = _lines(_print(yard, "--from", "2026-02-28", "--to", "2026-03-01", status=3))
    assert not any(line.startswith("Compliant, by day") for line in first_day)


def test_what_cannot_be_reported_and_that_nothing_was_recorded_is_said(yard: _Yard, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no zones are set for site bare; add `zones` to a camera of its settings"):
        _print(yard, site="bare")
    with pytest.raises(OptionError, match="--tool picks uses"):
        _print(yard, "--tool", "helmet")
    with pytest.raises(OptionError, match="--safety is a report of its own"):
        _print(yard, "--procedures")
    with pytest.raises(OptionError, match="has none of that name in this range; known: yard-1"):
        _print(yard, "--camera", "yard-9")
    quiet = _print(yard, "--from", "2026-03-02T13:59:59.9", "--to", "2026-03-02T14:00")
    assert "observed 100 % of the time of 1 camera" in quiet
    assert "Violations" not in quiet
    nothing = _print(yard, "--from", "2026-03-03", "--to", "2026-03-03", "--out", tmp_path / "out", status=3)
    assert "Compliance" in nothing
    assert not (tmp_path / "out").exists()
