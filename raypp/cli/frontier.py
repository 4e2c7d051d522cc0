"""The `raypp frontier` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import error_console
from raypp.cli.json_file import json_option, write_json


def frontier(
    audits: Annotated[list[Path], typer.Argument(help="Folders of `raypp audit`, or certificates, one for each veil.")],
    cost: Annotated[Path, typer.Option(help="Folder of `raypp compare` with plain images and the same veils.")],
    out: Annotated[Path, typer.Option(help="Folder for frontier.md and frontier.png.")],
    fit: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a finished `raypp fit`: its veil before anybody trains outside; repeat."),
    ] = None,
    json_file: Annotated[Path | None, json_option("the points")] = None,
) -> None:
    """Set what veils cost against what they show: rows of `raypp compare` joined with audits by veil_id.

    Other ways to hide that were compared, such as pixelation-16, are joined with what audits made of the same.

    Example: raypp frontier audit-default audit-learned --cost cost --out frontier

    Example: raypp frontier audit-1 audit-2 --cost cost --fit fitted-1 --fit fitted-2 --out frontier
    """
    from raypp.frontier.drawing import to_markdown
    from raypp.frontier.run import IMAGE_FILE, run_frontier

    joined = run_frontier(audits, cost, out, fit or ())
    console = error_console()
    console.print(to_markdown(joined), highlight=False, markup=False, end="")
    if joined.left_out:
        console.print(
            f"left out      {', '.join(joined.left_out)}: in none of these audits; other ways to hide than a veil are "
            "attacked with --budget standard, and count if --size is that of the comparison",
            highlight=False,
            markup=False,
        )
    console.print(f"look at       {out / IMAGE_FILE}", highlight=False, markup=False)
    write_json(json_file, joined)
