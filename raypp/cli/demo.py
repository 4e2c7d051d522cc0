"""The `raypp demo` command."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress
from raypp.cli.execution import execution_of
from raypp.cli.json_file import json_option, write_json
from raypp.cli.options import RunsOn
from raypp.execution import On, has_ray


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    seconds: Annotated[float, typer.Option(help="Length of each video.", min=10)] = 30.0,
    on: RunsOn = On.AUTO,
    json_file: Annotated[Path | None, json_option("the veil job's summary")] = None,
) -> None:
    """Draw a workshop, fit a veil to it, veil it, attack the veil, train a small detector on codes, and serve it.

    The fit begins from a start that comes with raypp, which helps attackers: a veil for a demo alone.

    Example: raypp demo --out demo-out
    """
    from raypp.demo.run import DemoOptions, run_demo

    options = DemoOptions(out, seed, seconds, learns=has_ray() and find_spec("ultralytics") is not None)
    summary = run_demo(options, execution_of(on, None), ConsoleProgress())
    write_json(json_file, summary)
