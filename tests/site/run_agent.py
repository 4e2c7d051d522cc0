"""Runs `raypp stream` as a program of its own, which starts sooner: python -m tests.site.run_agent OPTIONS."""

import sys

from raypp.errors import RayppError
from raypp.site.command import stream

if __name__ == "__main__":
    import typer

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(stream)
    try:
        app()
    except RayppError as error:
        sys.exit(f"raypp: {error}")
