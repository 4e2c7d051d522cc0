"""`raypp report --procedures`: executions from a ledger, as tables, files and event logs that pm4py reads."""

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from raypp.api import open_ledger
from raypp.cli.report import make_command
from raypp.errors import OptionError
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.store import Ledger
from raypp.reports.execution_record import ExecutionsReport
from raypp.reports.procedure_files import ExecutionRange, save_procedure
from raypp.usage.observation import Observation
from raypp.usage.settings import SiteSettings
from tests.reports.plants import Day, Seen, moment, record

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "procedures.md"
_CLASSES = ("housing", "clamp", "drill", "file", "brush", "screwdriver", "wrench", "gauge", "phone", "hand")
_START = moment(2026, 3, 2, 8, 0)


def _settings() -> str:
    """The example of the documentation, with hands that nobody needs to see."""
    example = _PAGE.read_text().split("```yaml\n")[1].split("```")[0]
    return f"time_zone: Europe/Berlin\n{example.replace(', mode: in_hand, near: [hand]', '')}"


def _done(*steps: tuple[str, float, float], part: tuple[float, float]) -> list[Seen]:
    return [Seen("housing", *part), *(Seen(tool, start, end, x=0.1, y=0.1) for tool, start, end in steps)]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("executions") / "ledger.db"
    right = _done(
        ("clamp", 12, 18), ("drill", 20, 28), ("drill", 32, 40), ("file", 44, 50), ("wrench", 54, 60), part=(10, 70)
    )
    broken = _done(("clamp", 112, 118), ("drill", 120, 128), ("wrench", 130, 136), ("file", 140, 146), part=(110, 160))
    hidden = _done(("clamp", 212, 218), ("drill", 220, 228), ("drill", 232, 240), ("wrench", 256, 260), part=(210, 270))
    day = Day("bench-1", _START, 300, [*right, *broken, *hidden], blind=[(242, 254, Observation.COVERED)])
    with Ledger.open(sqlite_url(path)) as opened:
        opened.add_site("plant")
        opened.add_site("bare")
        opened.configure("plant", _settings())
        record(opened, "plant", [day], _CLASSES, live=False)
    return path


def _report(ledger: Path, *arguments: object, site: str = "plant", status: int = 0) -> str:
    app = typer.Typer()
    app.command()(make_command(lambda url: Ledger.open(url, create=False)))
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [site, "--ledger", sqlite_url(ledger), *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def test_executions_are_printed_with_what_is_wrong(ledger: Path) -> None:
    lines = [" ".join(line.split()) for line in _report(ledger, "--procedures").splitlines()]
    assert "pump housing 3 1 1 1 0 1 min 00 s 1 missing, 1 out of order" in lines
    rows = [line for line in lines if line.startswith("Mon 02 Mar 08:0")]
    assert len(rows) == 3
    assert rows[0].endswith("pump housing bench-1 1 min 00 s 100 % conforming")
    assert "deviating" in rows[1]
    assert "drill missing" in rows[1]
    assert rows[2].endswith("cannot tell deburr not observed")


def test_files_and_json_hold_the_same_executions(ledger: Path, tmp_path: Path) -> None:
    _report(ledger, "--procedures", "--out", tmp_path / "out", "--json", tmp_path / "e.json")
    report = ExecutionsReport.model_validate_json((tmp_path / "e.json").read_text())
    assert (tmp_path / "out" / "executions.json").read_text() == (tmp_path / "e.json").read_text()
    with (tmp_path / "out" / "executions.csv").open(newline="") as file:
        assert [row["execution_id"] for row in csv.DictReader(file)] == [row.execution_id for row in report.executions]
    with (tmp_path / "out" / "executions.csv").open(newline="") as file:
        assert [(row["outcome"], row["untold_steps"]) for row in csv.DictReader(file)] == [
            ("conforming", "0"), ("deviating", "0"), ("cannot_tell", "1"),
        ]  # fmt: skip
    with (tmp_path / "out" / "execution-steps.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == sum(len(row.steps) for row in report.executions)
    table = pq.read_table(tmp_path / "out" / "executions.parquet")
    with open_ledger(ledger) as reader:
        assert reader.executions("plant").equals(table)
        episodes = set(reader.episodes("plant").column("episode_id").to_pylist())
    of_steps = [name for row in report.executions for step in row.steps for name in step.episodes]
    assert len(of_steps) == len(set(of_steps))
    assert set(of_steps) < episodes


@pytest.mark.filterwarnings("ignore:Install the optional requirement:UserWarning")
def test_pm4py_reads_the_event_logs(ledger: Path, tmp_path: Path) -> None:
    import pm4py  # here alone: it takes seconds, in every process that collects tests

    _report(ledger, "--event-log", tmp_path / "log.xes")
    _report(ledger, "--event-log", tmp_path / "log.json")
    report = json.loads(_json(ledger, tmp_path))
    done = [
        (row["execution_id"], step["step"], step["start_us"])
        for row in report["executions"]
        for step in row["steps"]
        if step["start_us"] is not None
    ]
    xes = pm4py.read_xes(str(tmp_path / "log.xes"), return_legacy_log_object=True)
    starts = [
        (trace.attributes["concept:name"], event["concept:name"], round(event["time:timestamp"].timestamp() * 1e6))
        for trace in xes
        for event in trace
        if event["lifecycle:transition"] == "start"
    ]
    assert starts == done
    ocel = pm4py.read_ocel2_json(str(tmp_path / "log.json"))
    assert sorted(ocel.events["ocel:activity"]) == sorted(step for _, step, _ in done)
    assert set(ocel.objects["ocel:type"]) == {"execution", "place", "tool"}
    assert len(ocel.relations) == 3 * len(done)


def _json(ledger: Path, folder: Path) -> str:
    _report(ledger, "--procedures", "--json", folder / "again.json")
    return (folder / "again.json").read_text()


def test_what_cannot_be_reported_is_said(ledger: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="site bare has no procedures; add `procedures` to its settings"):
        _report(ledger, "--procedures", site="bare")
    with pytest.raises(OptionError, match="--tool picks uses"):
        _report(ledger, "--procedures", "--tool", "drill")
    with pytest.raises(OptionError, match=r"no such kind of event log; name a file that ends in \.xes"):
        _report(ledger, "--event-log", tmp_path / "log.txt")
    with pytest.raises(OptionError, match="has none of that name in this range; known: bench-1"):
        _report(ledger, "--procedures", "--camera", "bench-9")
    assert "Executions" in _report(ledger, "--procedures", "--from", "2026-03-03", "--to", "2026-03-03", status=3)


def test_an_image_of_the_procedure_says_what_was_done(ledger: Path, tmp_path: Path) -> None:
    settings = SiteSettings.parse(_settings(), "settings")
    out = tmp_path / "procedure.svg"
    with Ledger.open(sqlite_url(ledger)) as opened:
        line = save_procedure(settings, None, out, opened, ExecutionRange("plant"))
        other = SiteSettings.parse(_settings().replace("max_s: 30", "max_s: 31"), "settings")
        with pytest.raises(OptionError, match="has no procedure pump housing like that of the file"):
            save_procedure(other, None, out, opened, ExecutionRange("plant"))
        with pytest.raises(OptionError, match="BPMN holds what is prescribed"):
            save_procedure(settings, None, tmp_path / "a.bpmn", opened, ExecutionRange("plant"))
    assert line == f"wrote {out}: pump housing, 6 steps, 3 executions"
    words = re.findall(r"<text[^>]*>([^<]*)</text>", out.read_text())
    assert "3 executions: 1 not as prescribed, 1 of which nobody can tell" in words
    drill = words[words.index("drill") : words.index("deburr")]
    assert drill[-2:] == ["5 done", "1 missing"]
    assert "1 not observed" in words[words.index("deburr") : words.index("screw")]
