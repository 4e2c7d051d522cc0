import csv
import json
from datetime import datetime

import pyarrow.parquet as pq
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from raypp.cli.report import make_command
from raypp.errors import LedgerError, OptionError, RayppError, UnknownSiteError
from raypp.ledger.store import Ledger
from tests.reports.conftest import ODD

RANGE = ("--from", "2026-03-02T13:50", "--to", "2026-03-02T14:10")


def report(plant, *arguments, url=None, status=0, columns=160):
    app = typer.Typer()
    app.command()(make_command(lambda url: Ledger.open(url, create=False)))
    done = CliRunner(env={"COLUMNS": str(columns), "RAYPP_LEDGER": url or plant.url}).invoke(
        app, [*map(str, arguments)]
    )
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def test_it_prints_fact_duration_coverage_equipment_and_sequence(plant):
    lines = [" ".join(line.split()) for line in report(plant, "plant-1", *RANGE).splitlines()]
    assert lines[0] == "plant-1 Mon 2 Mar 2026, 13:50:00 to 14:10:00 (Europe/Berlin)"
    assert lines[1] == "observed 85 % of the time of 1 camera; gate silent since 14:09:59"
    assert "hammer 3 3 min 30 s 1 min 00 s 1 min 48 s 2 min 00 s" in lines
    assert "saw 2 2 min 08 s 30.0 s 30.0 s 30.0 s 1 open" in lines
    assert any(line.startswith("Early, 2026-03-02 station") for line in lines)
    assert "camera gate - - 2 min 58 s 85 %" in lines
    assert "helmet gate 75 % 1 min 40 s 2 min 58 s" in lines
    assert "saw \u2192 hammer 1 2 min 00 s" in lines
    assert "1 13:51:00 hammer left gate 1 min 00 s" in lines
    assert "1 use still under way (open): their figures will grow." in lines


def test_of_many_shifts_the_latest_are_shown_and_all_are_in_the_files(plant, tmp_path):
    for begin, latest in (("2026-03-02", ""), ("2026-02-28", ""), ("2026-02-24", "6 of 14")):
        out = tmp_path / begin
        shown = report(plant, "plant-1", "--from", begin, "--to", "2026-03-02", "--out", out)
        with (out / "coverage.csv").open(newline="") as file:
            kept = [row for row in csv.DictReader(file) if (row["kind"], row["when"]) == ("camera", "Early")]
        early = [row["day"] for row in kept]
        days = early[-3:] if latest else early
        assert [day for day in early if f"Early, {day}" in shown] == days
        assert ("What is left out here is in the files of --out DIR" in shown) == bool(latest)
        assert (f"Coverage: the whole range, and the latest {latest} shifts" in shown) == bool(latest)


def test_files_hold_the_same_figures(plant, tmp_path, zone):
    out = tmp_path / "new" / "report"
    report(plant, "plant-1", *RANGE, "--out", out, "--json", tmp_path / "r.json")
    assert sorted(path.name for path in out.iterdir()) == [
        *("coverage.csv", "episodes.csv", "episodes.parquet", "report.json", "timeline.png", "transitions.csv")
    ]
    written = json.loads((out / "report.json").read_text())
    assert written == json.loads((tmp_path / "r.json").read_text())
    with (out / "episodes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    uses = [row for row in rows if row["tool"] in {"hammer", "saw"}]
    assert [row["episode_id"] for row in uses] == [step["episode_id"] for step in written["sequence"]]
    assert sum(float(row["duration_s"]) for row in rows if row["tool"] == "hammer") == 210
    assert {row["station"] for row in uses} == {"left", ODD}
    columns = pq.read_table(out / "episodes.parquet")
    assert str(columns.schema.field("start").type) == "timestamp[us, tz=Europe/Berlin]"
    assert columns["start"][0].as_py() == datetime.fromisoformat(rows[0]["start_iso"])
    for name in ("tool", "start_us", "end_us", "state"):
        assert [str(value) for value in columns[name].to_pylist()] == [row[name] for row in rows]
    with (out / "transitions.csv").open(newline="") as file:
        assert [row["before"] for row in csv.DictReader(file)] == ["hammer", "saw", "hammer"]
    with (out / "coverage.csv").open(newline="") as file:
        coverage = list(csv.DictReader(file))
    (gate,) = [row for row in coverage if (row["when"], row["kind"]) == ("whole range", "camera")]
    assert (gate["observed_s"], gate["not_observed_s"], gate["used_s"]) == ("1022.5", "177.5", "")
    assert gate["reasons"] == "covered 120; no frames 57.5"
    assert sum(row["when"] == "Late" and row["kind"] == "tool" for row in coverage) == 2


def test_the_image_shows_use_and_what_was_not_observed(plant, tmp_path):
    report(plant, "plant-1", *RANGE, "--out", tmp_path)
    with Image.open(tmp_path / "timeline.png") as image:
        assert image.width == 1820
        shades = image.convert("RGB")
        counts = {shade: number for number, shade in shades.getcolors(1 << 20)}
    lane_px = (14.0 - 2.9 - 1.75) * 130
    hammer, saw = counts[0x3B, 0x6F, 0xD4], counts[0xD9, 0x77, 0x2B]
    bar_px = 0.36 * 0.66 * 130
    legend_px = 2.6 * 1.1 * (9 * 130 / 72) ** 2
    assert hammer - legend_px == pytest.approx(210 / 1200 * lane_px * bar_px, rel=0.15)
    assert saw == pytest.approx(30 / 1200 * lane_px * bar_px, rel=0.2)  # the open use is drawn paler
    assert counts[0xA3, 0xA8, 0xB1] > 500  # hatching


def test_without_a_range_it_takes_the_latest_day(plant):
    assert "Sun 1 Mar 2026, 08:00:00 to" in report(plant, "other").splitlines()[0]


def test_an_empty_range_says_so_and_when_there_was_something_and_writes_no_empty_files(plant, tmp_path):
    written = tmp_path / "report.json"
    lines = report(plant, "plant-1", "--from", "2026-02-01", "--out", tmp_path / "out", "--json", written, status=3)
    assert "nothing was recorded from Sun 1 Feb 2026, 00:00:00" in lines
    assert "coverage 0 %" in lines
    assert "latest day with frames: Mon 2 Mar 2026 (--from 2026-03-02)" in lines
    assert not (tmp_path / "out").exists()
    assert [entry["observed_share"] for entry in json.loads(written.read_text())["coverage"]] == [0]
    assert "no camera has sent a frame yet" in report(plant, "quiet", status=3)
    assert "nothing was recorded" in report(plant, "plant-1", "--from", "2999-01-01", status=3)


def test_the_first_lines_are_not_broken_on_a_narrow_terminal(plant):
    first, second, *_ = report(plant, "other", "--from", "2026-03-01", columns=80).splitlines()
    assert first == "other  Sun 1 Mar 2026, 00:00:00 to Mon 2 Mar 2026, 00:00:00 (UTC)"
    assert second == "observed < 1 % of the time of 1 camera"


def test_without_settings_it_says_over_its_table_what_counts_as_in_use(plant):
    lines = [line.strip() for line in report(plant, "other").splitlines()]
    assert lines.index("No settings: a tool in view counts as in use.") < lines.index("Tools")
    assert "No settings" not in report(plant, "plant-1", *RANGE)


def test_the_csv_is_read_by_a_spreadsheet_and_by_a_machine(plant, tmp_path):
    report(plant, "plant-1", *RANGE, "--tool", "saw", "--out", tmp_path)
    with (tmp_path / "episodes.csv").open(newline="") as file:
        names, *rows = csv.reader(file)
    assert names[:8] == ["day", "start", "end", "tool", "station", "camera", "seconds", "certain"]
    assert names[8:] == [
        *("site", "stream_epoch", "episode_id", "start_iso", "end_iso", "start_us", "end_us", "duration_s", "seen_s"),
        *("state", "reason"),
    ]
    assert rows[0][:8] == ["2026-03-02", "13:52:30", "13:53:00", "saw", "left", "gate", "30.0", "yes"]
    assert rows[1][:2] == ["2026-03-02", "14:08:20"]
    assert rows[1][7] == "no"


def test_a_report_that_cannot_be_made_is_told_in_one_line(plant, monkeypatch):
    def overflow(*_):
        raise OverflowError("date value out of range")

    monkeypatch.setattr(Ledger, "stretches", overflow)
    words = "^the report of site plant-1 cannot be made: OverflowError: date value out of range$"
    with pytest.raises(RayppError, match=words):
        report(plant, "plant-1")


def test_one_tool_or_camera_alone(plant, tmp_path):
    report(plant, "plant-1", *RANGE, "--tool", "saw", "--camera", "gate", "--json", tmp_path / "one.json")
    report(plant, "plant-1", *RANGE, "--json", tmp_path / "all.json")
    of_saw, whole = (json.loads((tmp_path / name).read_text()) for name in ("one.json", "all.json"))
    assert [tool["name"] for tool in of_saw["tools"]] == ["saw"]
    assert of_saw["tools"] == [tool for tool in whole["tools"] if tool["name"] == "saw"]
    assert of_saw["coverage"] == whole["coverage"]
    assert of_saw["settings_id"] == whole["settings_id"]
    assert of_saw["worn"] == []
    report(plant, "plant-1", *RANGE, "--tool", "helmet", "--json", tmp_path / "worn.json")
    assert json.loads((tmp_path / "worn.json").read_text())["worn"] == whole["worn"]


def test_what_is_not_there_is_named_with_what_is(plant, tmp_path):
    with pytest.raises(UnknownSiteError, match=r"no site 'plant-2' in this ledger; known: other, plant-1, quiet"):
        report(plant, "plant-2")
    with pytest.raises(OptionError, match=r"`tools` 'axe': plant-1 has none .* known: hammer, helmet"):
        report(plant, "plant-1", *RANGE, "--tool", "axe")
    with pytest.raises(OptionError, match=r"`cameras` 'roof': .* known: gate"):
        report(plant, "plant-1", *RANGE, "--camera", "roof")
    with pytest.raises(OptionError, match="no ledger named; give --ledger"):
        report(plant, "plant-1", "--ledger", "")
    with pytest.raises(LedgerError, match="there is no ledger"):
        report(plant, "plant-1", url=f"sqlite:///{tmp_path}/none.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match=r"`out` .*file: .*; name a folder"):
        report(plant, "plant-1", "--out", tmp_path / "file")
