"""The `raypp tally` commands: statistics over figures of several owners, none of whom shows its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.options import JsonFile

if TYPE_CHECKING:
    from raypp.tally.plan import TallyPlan
    from raypp.tally.result import FigureResult, TallyResult

tally = command_group("Compare figures with other owners: sums, medians and one's own rank; nobody shows a figure.")

_Plan = Annotated[Path, typer.Argument(help="The plan, such as tally.yaml; every party has the same.")]
_Party = Annotated[str, typer.Option("--as", help="Name of this party in the plan.")]
_Values = Annotated[Path | None, typer.Option(help="JSON of given figures by name: numbers, counts by cell, or null.")]
_Report = Annotated[Path | None, typer.Option(help="`raypp report --json` of the plan's period.")]
_Safety = Annotated[Path | None, typer.Option(help="`raypp report --safety --json` of the plan's period.")]


@tally.command("certificate")
def tally_certificate(
    party: _Party,
    key: Annotated[Path | None, typer.Option(help="New file of the key (default: NAME.key).")] = None,
    certificate: Annotated[Path | None, typer.Option(help="New file of the certificate (default: NAME.crt).")] = None,
) -> None:
    """Make a party's key, and the certificate that goes to the other parties.

    Example: raypp tally certificate --as plant-1
    """
    from raypp.tally.certificate import make_certificate

    key_path, certificate_path = key or Path(f"{party}.key"), certificate or Path(f"{party}.crt")
    fingerprint = make_certificate(party, key_path, certificate_path)
    say(
        error_console(),
        (
            f"key           {key_path} (stays here)",
            f"certificate   {certificate_path} (goes to all parties)",
            f"fingerprint   {fingerprint}: read it to them by phone",
        ),
    )


@tally.command("check")
def tally_check(plan: _Plan) -> None:
    """Show a plan: its digest, who takes part, what is opened, and what that may tell.

    Example: raypp tally check tally.yaml
    """
    from raypp.tally.plan import load_tally_plan

    loaded = load_tally_plan(plan)
    say(error_console(), _plan_lines(loaded))


@tally.command("join")
def tally_join(
    plan: _Plan,
    party: _Party,
    key: Annotated[Path, typer.Option(help="Key of `raypp tally certificate`.")],
    values: _Values = None,
    report: _Report = None,
    safety: _Safety = None,
    listen: Annotated[str | None, typer.Option(help="HOST:PORT to listen at, where it is not the plan's.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the others.")] = 600.0,
    within: Annotated[float, typer.Option(help="Seconds that the computation may take.")] = 600.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check plan and figures, and call nobody.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Take part in a tally: all parties run this at the same time, and each gets what the plan opens.

    Example: raypp tally join tally.yaml --as plant-1 --key plant-1.key --report report.json

    Example: raypp tally join tally.yaml --as plant-1 --key plant-1.key --values values.json --dry-run
    """
    from raypp.tally.run import TallySettings, join_tally, prepared

    settings = TallySettings(
        plan=plan,
        party=party,
        key=key,
        values=values,
        report=report,
        safety=safety,
        listen=listen,
        wait_s=wait,
        within_s=within,
    )
    console = error_console()
    if dry_run:
        task = prepared(settings)
        have = sum(units is not None for units in task.units)
        say(console, (*_plan_lines(task.plan), f"figures       {have} of {len(task.units)}, all within the plan"))
        return
    result = join_tally(settings, ConsoleProgress(console))
    say(console, _result_lines(result))
    write_json(json_file, result)


def _plan_lines(plan: "TallyPlan") -> Iterator[str]:
    yield f"plan          {plan.name}, digest {plan.digest}"
    for name, party in plan.parties.items():
        yield f"party         {name} at {party.address}, fingerprint {party.fingerprint}"
    yield f"opened        where {plan.least} parties or more have a figure"
    for figure in plan.figures:
        what = f"sums of {len(figure.cells)} cells" if figure.cells else ", ".join(figure.open)
        small = f", closed below {figure.least_total}" if figure.least_total else ""
        yield f"figure        {figure.name} (0 to {figure.most:g}): {what}{small}"
    for line in plan.warnings():
        yield f"note          {line}"


def _result_lines(result: "TallyResult") -> Iterator[str]:
    for figure in result.figures:
        if figure.closed:
            yield f"{figure.name}: closed, {figure.closed}"
            continue
        yield f"{figure.name}, of {figure.parties} parties: {', '.join(_words(figure))}"
        for cell, total in (figure.cells or {}).items():
            yield f"  {cell:<24}{'closed' if total is None else total}"
    yield f"took {result.seconds:.1f} s and {result.bytes_sent:,} bytes; plan {result.plan[:12]}"


def _words(figure: "FigureResult") -> Iterator[str]:
    for name in ("sum", "mean", "median"):
        value = getattr(figure, name)
        if value is not None:
            yield f"{name} {value:.6g}"
    if figure.quartiles is not None:
        yield "quartiles " + " ".join(f"{value:.6g}" for value in figure.quartiles)
    if figure.rank is not None:
        yield f"your rank {figure.rank}"
    if figure.cells is not None:
        closed = sum(total is None for total in figure.cells.values())
        yield f"{len(figure.cells)} cells, {closed} closed"
