"""The `raypp report` command."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.errors import OptionError, UnknownSiteError
from raypp.json_file import json_option, write_json
from raypp.ledger.command import LedgerUrl
from raypp.ledger.store import Ledger
from raypp.report.files import write_files
from raypp.report.period import day_of, read_period
from raypp.report.printing import print_report
from raypp.report.records import Recorded, latest, read
from raypp.report.wording import date_and_clock

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

        Example: raypp report plant-1 --ledger sqlite:///ledger.db --from yesterday --out report

        Example: raypp report plant-1 --from 2026-03-02T06:00 --to 2026-03-02T14:00 --tool hammer
        """
        if not ledger:
            raise OptionError("no ledger named; give --ledger, or set RAYPP_LEDGER, such as sqlite:///ledger.db")
        console = Console()
        with open_ledger(ledger) as opened:
            found = _read(opened, site, from_, to)
        found = _only(found, tuple(camera or ()), tuple(tool or ()))
        made, zone = found.report(), found.settings.zone
        if not found.episodes and not found.stretches:
            period = f"{date_and_clock(made.from_us, zone)} to {date_and_clock(made.to_us, zone)} ({zone.key})"
            console.print(
                f"{site}: nothing was recorded from {period}; coverage 0 %",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
        else:
            print_report(made, zone, console)
        write_json(json_file, made)
        if out:
            written = write_files(made, found.episodes, found.stretches, zone, out)
            console.print(
                f"\nwrote {', '.join(str(path) for path in written)}", highlight=False, markup=False, soft_wrap=True
            )

    return report


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
        return found or Recorded(site, settings, today, (), ())
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
