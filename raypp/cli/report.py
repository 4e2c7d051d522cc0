"""The `raypp report` command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.flags import with_flags
from raypp.cli.json_file import json_option, write_json
from raypp.cli.ledger import LedgerUrl
from raypp.errors import OptionError, RayppError

if TYPE_CHECKING:
    from raypp.ledger.ledgers import Ledgers
    from raypp.ledger.store import Ledger

OpenLedger = Callable[[str], "Ledger | Ledgers"]
"""Opens what an option names, which is there already."""


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
        procedures: Annotated[
            bool, typer.Option("--procedures", help="Report executions of the site's procedures instead.")
        ] = False,
        safety: Annotated[
            bool, typer.Option("--safety", help="Report compliance with the rules of the site's zones instead.")
        ] = False,
        truth: Annotated[
            list[str] | None,
            typer.Option(
                help="CAMERA=VIDEO.uses.csv, true uses of the video that a camera sent; repeat. "
                "Reports how well uses match them instead."
            ),
        ] = None,
        event_log: Annotated[
            Path | None,
            typer.Option(help="An event log for process mining, .xes, or .json for OCEL 2.0."),
        ] = None,
    ) -> None:
        """Report which tools a site used, in what order, for how long, and what was not observed.

        Exit status: 0 for a report, 3 where nothing was recorded in the range (--out then writes nothing), 1 for an
        error.

        Example: raypp report plant-1 --ledger sqlite:///ledger.db --from yesterday --out report

        Example: raypp report plant-1 --procedures --from yesterday --event-log executions.xes

        Example: raypp report plant-1 --safety --from yesterday --out safety

        Example: raypp report plant-1 --truth gate=gate.uses.csv --out truth

        Example: raypp report plant-1 --from 2026-03-02T06:00 --to 2026-03-02T14:00 --tool hammer
        """
        from raypp.cli.execution_printing import ExecutionFiles, report_executions
        from raypp.cli.report_printing import print_report
        from raypp.cli.safety_printing import report_safety
        from raypp.cli.truth_printing import read_truth_files, report_truth
        from raypp.ledger.ledgers import Ledgers
        from raypp.reports.files import write_files
        from raypp.reports.losses import loss_lines
        from raypp.reports.report_json import json_parts
        from raypp.reports.request import nothing_words, read_report

        if not ledger:
            raise OptionError("no ledger named; give --ledger, or set RAYPP_LEDGER, such as sqlite:///ledger.db")
        console = Console()
        if truth:
            if procedures or event_log or safety or camera:
                raise OptionError(
                    "--truth is a report of its own; give it without --procedures, --event-log, --safety and --camera"
                )
            files = read_truth_files(truth)
            with open_ledger(ledger) as ledgers, _one_line(site):
                opened = Ledgers.around(ledgers).of(site)
                report_truth(opened, (site, files, from_, to, tuple(tool or ())), out, json_file, console)
            return
        if procedures or event_log or safety:
            if tool:
                raise OptionError("--tool picks uses; leave it out beside --procedures, --event-log and --safety")
            if safety and (procedures or event_log):
                raise OptionError("--safety is a report of its own; give it without --procedures and --event-log")
            with open_ledger(ledger) as ledgers, _one_line(site):
                opened = Ledgers.around(ledgers).of(site)
                wanted = site, from_, to, tuple(camera or ())
                if safety:
                    report_safety(opened, wanted, out, json_file, console)
                else:
                    report_executions(opened, wanted, ExecutionFiles(out, json_file, event_log), console)
            return
        with open_ledger(ledger) as ledgers, _one_line(site):
            opened = Ledgers.around(ledgers).of(site)
            recorded = read_report(opened, site, from_, to, tuple(camera or ()), tuple(tool or ()))
            figures = recorded.figures()
            if nothing := not recorded.episodes and not recorded.stretches:
                console.print(
                    with_flags(nothing_words(opened, recorded)), highlight=False, markup=False, soft_wrap=True
                )
            else:
                print_report(figures, recorded, console)
            for line in loss_lines(recorded.losses, recorded.settings.zone):
                console.print(line, highlight=False, markup=False, soft_wrap=True)
        write_json(json_file, json_parts(figures))
        end_with_attention(nothing)
        if out:
            written = write_files(figures, recorded, out)
            console.print(
                f"\nwrote {', '.join(str(path) for path in written)}", highlight=False, markup=False, soft_wrap=True
            )
        end_with_attention(bool(recorded.losses))

    return report


@contextmanager
def _one_line(site: str) -> Iterator[None]:
    """Say in one line what no error of ours says."""
    try:
        yield
    except (RayppError, typer.Exit):
        raise
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        raise RayppError(f"the report of site {site} cannot be made: {type(error).__name__}: {words}") from error
