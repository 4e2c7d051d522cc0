"""The `raypp bench` command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from raypp.errors import OptionError

if TYPE_CHECKING:
    from raypp.veil.spec import PatchSpec

_PARTS = "veil, decode, wire, detect, ledger, service"


def bench(
    out: Annotated[Path, typer.Option(help="File for the rates, JSON; parts that it has are kept.")],
    only: Annotated[list[str] | None, typer.Option(help=f"Measure only this part; repeat for more: {_PARTS}.")] = None,
    size: Annotated[
        list[int] | None, typer.Option(help="Side of the square, in pixels; repeat for more (default: 640).")
    ] = None,
    spec: Annotated[
        list[Path] | None, typer.Option(help="Patch veil's spec, JSON; repeat for more (default: the default veil).")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A bundle of `raypp export` (default: a yolov8n with random weights).")
    ] = None,
    postgres: Annotated[
        str | None, typer.Option(help="URL of a PostgreSQL; databases are made there, and dropped again.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="A video of your cameras (default: one is made, of noise and texture).")
    ] = None,
) -> None:
    """Measure this machine for `raypp capacity`: rates, bytes and memory, as JSON, in about two minutes.

    Parts that the file has from before stay, unless they are measured again.

    Example: raypp bench --out rates.json

    Example: raypp bench --out rates.json --only ledger --only service --postgres postgresql+psycopg://raypp@/postgres
    """
    from raypp.bench.parts import BenchSettings, Part
    from raypp.bench.run import run_bench
    from raypp.cli.console import ConsoleProgress
    from raypp.cli.rates_printing import print_rates

    options: dict[str, object] = {"model": model, "postgres": postgres, "video": video}
    if only:
        if unknown := [name for name in only if name not in set(Part)]:
            raise OptionError(f"--only {unknown[0]} is no part; give one of {_PARTS}")
        options["parts"] = tuple(part for part in Part if part in only)
    if size:
        options["sizes"] = tuple(dict.fromkeys(size))
    if spec:
        options["specs"] = {path.stem: _patch_spec(path) for path in spec}
    settings = BenchSettings(**{name: value for name, value in options.items() if value is not None})
    print_rates(run_bench(settings, out, ConsoleProgress()), Console())


def _patch_spec(path: Path) -> "PatchSpec":
    """Read the spec of a patch veil: what a learned one costs depends on its encoder."""
    from raypp.veil.spec import PatchSpec, load_spec

    spec = load_spec(path)
    if not isinstance(spec, PatchSpec):
        raise OptionError(f"--spec {path} is of a {spec.family} veil; give the spec of a patch veil")
    return spec
