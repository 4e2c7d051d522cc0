"""The `raypp procedure` commands."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.group import command_group
from raypp.cli.ledger import LedgerUrl
from raypp.errors import OptionError
from raypp.text.wording import counted

procedure = command_group("Check procedures: what is to be done at a site, step by step.")
procedure.callback()(lambda: None)


@procedure.command("check")
def check_file(
    file: Annotated[Path, typer.Argument(help="Settings of a site, YAML, with `procedures`.")],
) -> None:
    """Draw the procedures of a settings file, and say in how many orders each may be done, with an example.

    What is wrong with the file is said in a line each, and the exit status is 1. Needs no ledger and no pm4py.

    Example: raypp procedure check settings.yaml
    """
    from raypp.procedure.orders import count_orders, drawn, example_order
    from raypp.usage.settings import SiteSettings

    settings = SiteSettings.load(file)
    if not settings.procedures:
        remedy = "add `procedures`, as docs/reference/procedures.md shows"
        raise OptionError(f"settings file {file} has no procedures; {remedy}")
    console = Console()
    for number, rules in enumerate(settings.procedures):
        orders = counted(count_orders(rules), "order")
        example = " > ".join(example_order(rules)) or "nothing at all"
        text = f"{drawn(rules)}\n{orders} allowed, such as {example}"
        console.print(("\n" if number else "") + text, highlight=False, markup=False, soft_wrap=True)


@procedure.command("show")
def show_file(
    file: Annotated[Path, typer.Argument(help="Settings of a site, YAML, with `procedures`.")],
    out: Annotated[Path, typer.Option(help="The image, .png or .svg, or .bpmn for BPMN 2.0.")],
    name: Annotated[str | None, typer.Option(help="Name of the procedure (default: the only one).")] = None,
    site: Annotated[str | None, typer.Option(help="Count what was done at this site of the ledger, too.")] = None,
    ledger: LedgerUrl = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="today, yesterday, a day or an ISO time, at the site (default: the latest day)."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Likewise; a day is meant up to its end.")] = None,
) -> None:
    """Draw a procedure: its steps in their order, choices, repeats and times.

    With --site, each step says how often it was done, and what was not as prescribed. That needs raypp[process].

    Example: raypp procedure show settings.yaml --out procedure.png

    Example: raypp procedure show settings.yaml --name "pump housing" --out procedure.svg --site plant-1
    --ledger sqlite:///ledger.db --from yesterday
    """
    from raypp.reports.procedure_files import ExecutionRange, save_procedure
    from raypp.usage.settings import SiteSettings

    settings = SiteSettings.load(file)
    if site is not None:
        from raypp.cli.ledger import opened_ledger

        with opened_ledger(ledger, site) as opened:
            written = save_procedure(settings, name, out, opened, ExecutionRange(site, from_, to))
    elif from_ or to:
        raise OptionError("--from and --to choose executions; give --site, too")
    else:
        written = save_procedure(settings, name, out)
    Console().print(written, highlight=False, markup=False, soft_wrap=True)
