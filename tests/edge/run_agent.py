"""Runs `raypp stream` as a program of its own, which starts sooner: python -m tests.edge.run_agent OPTIONS."""

import sys

from raypp.cli.console import name_command
from raypp.cli.stream import stream
from raypp.errors import RayppError

if __name__ == "__main__":
    import typer

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(stream)
    name_command("stream")
    try:
        app()
    except RayppError as error:
        sys.exit(f"raypp: {error}")
