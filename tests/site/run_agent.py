"""Runs the site's commands as programs of their own: python -m tests.site.run_agent stream|doctor OPTIONS."""

import sys

from raypp.errors import RayppError
from raypp.site.command import doctor, stream

if __name__ == "__main__":
    import typer

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(stream)
    app.command()(doctor)
    try:
        app()
    except RayppError as error:
        sys.exit(f"raypp: {error}")
