"""A ledger of a year beside an older commit: reads, pages, reports and commits, as ratios of CPU time."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.older import ROOT, checked_out, run_in
from tests.ledger.postgres import PostgresServer

Row = tuple[str, str, str]
_HERE = Path(__file__).parent
_REPORTS = (("1 day", "2026-11-26", ""), ("31 days", "2026-10-27", "bar <= 0.143"), ("a year", "2025-11-27", ""))

_REPORTING = """
import runpy, sys
from pathlib import Path
note = sys.argv.pop(1)
try:
    runpy.run_module("raypp", run_name="__main__")
finally:  # what a parent is told of its child's memory counts the parent's own at the fork
    Path(note).write_text(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def ledger_rows(folder: Path) -> list[Row]:
    """Measure both sides in turns, on copies of the same ledgers."""
    rows: list[Row] = []
    with checked_out(folder) as older:
        for days in (31, 365):
            run_in(older, [str(_HERE / "history.py"), str(folder / f"{days}.db"), str(days)])
        sides = {"before": older, "here": ROOT}
        places = {name: folder / name for name in sides}
        for name, tree in sides.items():
            places[name].mkdir()
            for days in (31, 365):
                shutil.copy(folder / f"{days}.db", places[name] / f"{days}.db")
                probe(tree, "reads", places[name] / f"{days}.db")  # brings it up
        rows += _read_rows(sides, places)
        rows += _page_rows(sides, places)
        rows += _commit_rows(sides, places)
        rows += _size_rows(sides, places)
        rows += _stream_rows(sides, places)
        rows += _postgres_rows(sides)
        rows += _report_rows(sides, places)
    return rows


def _read_rows(sides: dict[str, Path], places: dict[str, Path]) -> list[Row]:
    rows = []
    for name, tree in sides.items():
        month, year = (probe(tree, "reads", places[name] / f"{days}.db") for days in (31, 365))
        rows += [
            (f"{name}: {day}, a year / a month", f"{year[day] / month[day]:.2f}", "bar <= 1.2")
            for day in ("newest day", "middle day")
        ]
        rows.append((f"{name}: open episodes of a year", f"{year['open episodes']:.2f} ms", "bar <= 1"))
    return rows


def _page_rows(sides: dict[str, Path], places: dict[str, Path]) -> list[Row]:
    before, here = (probe(tree, "page", places[name] / "365.db") for name, tree in sides.items())
    return [
        ("page of 31 days, made: here / before", f"{here['made'] / before['made']:.3f}", f"{here['made']:.0f} ms"),
        ("page, unchanged: here / before", f"{here['asked again'] / before['asked again']:.4f}", "bar <= 0.01"),
    ]


def _commit_rows(sides: dict[str, Path], places: dict[str, Path]) -> list[Row]:
    return [_commit_row(name, tree, places[name] / "commits.db", "sqlite3") for name, tree in sides.items()]


def _commit_row(name: str, tree: Path, ledger: Path | str, bare: str) -> Row:
    costs = probe(tree, "commits", ledger)
    ratio = costs["writer"] / costs["database"]
    return (f"{name}: a commit / bare {bare}", f"{ratio:.1f}", f"bar <= 3 ({costs['writer']:.2f} ms)")


def _size_rows(sides: dict[str, Path], places: dict[str, Path]) -> list[Row]:
    before, here = (probe(tree, "sizes", places[name] / "sizes.db") for name, tree in sides.items())
    return [
        (f"{words}: here / before", f"{here[name] / before[name]:.2f}", f"{bar}{here[name]:.0f} bytes")
        for words, name, bar in (("log of a commit", "log", "bar <= 0.33, "), ("ledger a frame", "frame", ""))
    ]


def _stream_rows(sides: dict[str, Path], places: dict[str, Path]) -> list[Row]:
    return [
        row
        for name, tree in sides.items()
        for row in _rows_of_streams(name, tree, places[name] / "streams.db", "sqlite3")
    ]


def _rows_of_streams(name: str, tree: Path, ledger: Path | str, bare: str) -> list[Row]:
    costs = probe(tree, "streams", ledger)
    ratio = costs["writer a second"] / costs["database a second"]
    spent = costs["writer CPU ms"] / costs["database CPU ms"]
    words = f"bar >= 0.6 ({costs['writer a second']:.0f} commits a second)"
    return [
        (f"{name}: 16 streams, of bare {bare}", f"{ratio:.2f}", words),
        (f"{name}: 16 streams, CPU / bare {bare}", f"{spent:.1f}", f"{costs['writer CPU ms']:.2f} ms"),
    ]


def _postgres_rows(sides: dict[str, Path]) -> list[Row]:
    """Commits to a real PostgreSQL, where it is installed; CPU is the client's alone on both sides."""
    rows: list[Row] = []
    if not PostgresServer.is_installed():
        return [("commits to PostgreSQL", "not measured", "apt-get install postgresql")]
    with PostgresServer() as server:
        for name, tree in sides.items():
            rows.append(_commit_row(name, tree, server.database(), "psycopg"))
            rows += _rows_of_streams(name, tree, server.database(), "psycopg")
    return rows


def _report_rows(sides: dict[str, Path], places: dict[str, Path]) -> list[Row]:
    rows = []
    for words, first, bar in _REPORTS:
        cost = {}
        for name, tree in sides.items():
            out = places[name] / words.replace(" ", "-")
            url = f"sqlite:///{places[name] / '365.db'}"
            call = ["report", "plant-1", "--ledger", url, "--from", first, "--to", "2026-11-26", "--out", str(out)]
            cost[name] = _cost(tree, call, places[name] / "memory.txt")
        ratio = cost["here"][0] / cost["before"][0]
        rows.append((f"report of {words}: here / before", f"{ratio:.3f}", bar))
        rows.append((f"report of {words}, CPU", f"{cost['here'][0]:.1f} s", f"before {cost['before'][0]:.1f} s"))
        rows.append((f"report of {words}, memory", f"{cost['here'][1]:.0f} MB", f"before {cost['before'][1]:.0f} MB"))
    return rows


def probe(tree: Path, what: str, ledger: Path | str, *streams: int) -> dict[str, float]:
    """Return what a part of `ledger_probe` measures in a tree."""
    call = [str(_HERE / "ledger_probe.py"), what, str(ledger), *map(str, streams)]
    numbers: dict[str, float] = json.loads(run_in(tree, call))
    return numbers


def _cost(tree: Path, call: Sequence[str], note: Path) -> tuple[float, float]:
    """Run raypp in a tree; return CPU seconds, and MB at most."""
    process = subprocess.Popen(
        [sys.executable, "-c", _REPORTING, str(note), *call],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, call)
    return usage.ru_utime + usage.ru_stime, int(note.read_text()) / 1024
