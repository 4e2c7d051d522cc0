"""The `raypp report` command."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.json_file import json_option, write_json
from raypp.cli.ledger import LedgerUrl
from raypp.cli.report_printing import print_report
from raypp.errors import OptionError, RayppError, UnknownSiteError
from raypp.ledger.store import Ledger
from raypp.reports.files import write_files
from raypp.reports.period import day_of, read_period
from raypp.reports.records import Recorded, cameras_of, latest, newest_frame, read
from raypp.reports.wording import date_and_clock, date_words
from raypp.usage.shifts import local

EXIT_NOTHING = 3
"""Exit status where nothing was recorded in the range."""

OpenLedger = Callable[[str], Ledger]
"""Opens the ledger at a URL, one that is there already."""


def make_command(open_ledger: OpenLedger) -> Callable[..., None]:
    """Return the `report` command, reading what `open_ledger` opens."""

    def report(
        site: Annotated[str, typer.Argument(help="Name of the site.")],
        ledger: LedgerUrl = None,
        from_: Annotated[
            str | None,
            typer.Option(
                "--from",
                help="today, yesterday, a day or an ISO time, on the site's clocks (default: the latest day).",
            ),
        ] = None,
        to: Annotated[str | None, typer.Option("--to", help="Likewise; a day is meant up to its end.")] = None,
        camera: Annotated[list[str] | None, typer.Option(help="Only this camera; repeat.")] = None,
        tool: Annotated[list[str] | None, typer.Option(help="Only this tool; repeat.")] = None,
        out: Annotated[Path | None, typer.Option(help="Folder for report.json, CSV, Parquet and timeline.png.")] = None,
        json_file: Annotated[Path | None, json_option("the report")] = None,
    ) -> None:
        """Report which tools a site used, in what order, for how long, and what was not observed.

        Exit status: 0 for a report, 3 where nothing was recorded in the range (--out then writes nothing), 1 for an
        error.

        Example: raypp report plant-1 --ledger sqlite:///ledger.db --from yesterday --out report

        Example: raypp report plant-1 --from 2026-03-02T06:00 --to 2026-03-02T14:00 --tool hammer
        """
        if not ledger:
            raise OptionError("no ledger named; give --ledger, or set RAYPP_LEDGER, such as sqlite:///ledger.db")
        console = Console()
        with open_ledger(ledger) as opened, _told(site):
            found = _read(opened, site, from_, to)
            found = _only(found, tuple(camera or ()), tuple(tool or ()))
            made = found.report()
            if nothing := not found.episodes and not found.stretches:
                console.print(_nothing(opened, found), highlight=False, markup=False, soft_wrap=True)
            else:
                print_report(made, found, console)
        write_json(json_file, made)
        if nothing:
            raise typer.Exit(EXIT_NOTHING)
        if out:
            written = write_files(made, found, out)
            console.print(
                f"\nwrote {', '.join(str(path) for path in written)}", highlight=False, markup=False, soft_wrap=True
            )

    return report


@contextmanager
def _told(site: str) -> Iterator[None]:
    """Say in one line what no error of ours says."""
    try:
        yield
    except (RayppError, typer.Exit):
        raise
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        raise RayppError(f"the report of site {site} cannot be made: {type(error).__name__}: {words}") from error


def _nothing(ledger: Ledger, found: Recorded) -> str:
    """Say that a range is empty, and when there was something."""
    zone, site = found.settings.zone, found.site
    period = f"{date_and_clock(found.period.from_us, zone)} to {date_and_clock(found.period.to_us, zone)} ({zone.key})"
    words = f"{site}: nothing was recorded from {period}; coverage 0 %"
    newest = newest_frame(ledger, site, found.cameras, time.time_ns() // 1000)
    if newest is None:
        return f"{words}; no camera has sent a frame yet"
    day = local(newest, zone)
    return f"{words}\nlatest day with frames: {date_words(day)} (--from {day.date()})"


def _read(ledger: Ledger, site: str, from_text: str | None, to_text: str | None) -> Recorded:
    try:
        settings = ledger.present_settings(site)
    except UnknownSiteError:
        names = [one.name for one in ledger.sites()]
        known = (
            f"known: {', '.join(names[:20])}" + (", ..." if len(names) > 20 else "") if names else "none is registered"
        )
        raise UnknownSiteError(f"there is no site {site[:100]!r} in this ledger; {known}") from None
    now_us = time.time_ns() // 1000
    period = read_period(from_text, to_text, settings.zone, now_us)
    if period is None:
        found = latest(ledger, site, settings, now_us)
        today = day_of(now_us, settings.zone).until(now_us)
        return found or Recorded(site, settings, today, (), (), cameras_of(ledger, site, settings, now_us))
    return read(ledger, site, settings, period, now_us)


def _only(found: Recorded, cameras: tuple[str, ...], tools: tuple[str, ...]) -> Recorded:
    """What is left of some cameras and tools; both also of the settings, whose other lanes would read as not used."""
    if cameras:
        seen = {one.stream.camera for one in found.episodes} | {one.stream.camera for one in found.stretches}
        known = sorted(seen | set(found.settings.cameras))
        _check("--camera", cameras, known, found)
    if tools:
        _check(
            "--tool",
            tools,
            sorted({one.tool for one in found.episodes} | {one.tool for one in found.settings.tools}),
            found,
        )
    return found.only(cameras, tools)


def _check(option: str, asked: tuple[str, ...], known: list[str], found: Recorded) -> None:
    for name in asked:
        if name not in known:
            names = ", ".join(known[:20]) or "none"
            raise OptionError(f"{option} {name!r}: {found.site} has none of that name in this range; known: {names}")
