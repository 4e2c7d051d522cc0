"""The `raypp procedure` commands."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.group import command_group
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
