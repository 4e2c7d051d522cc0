"""The `raypp compare` command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as ScreenTable

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.json_file import json_option, write_json
from raypp.cli.options import (
    Architecture,
    Here,
    ImageData,
    ImageEpochs,
    MixedPrecision,
    NominalImages,
    OwnersKey,
    RayAddress,
    RunsOn,
    SquareSize,
)
from raypp.compare.arm_kind import WAYS, ArmKind
from raypp.errors import OptionError
from raypp.execution import On

if TYPE_CHECKING:
    from raypp.compare.run import CompareSummary

_DEFAULT_ARMS = (ArmKind.PLAIN.value, ArmKind.PLAIN_CELLS.value, "default")


def compare_command(
    data: ImageData,
    out: Annotated[Path, typer.Option(help="Folder of rows and tables; it stays inside the perimeter.")],
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="plain, plain-cells, library, default, NAME=SPEC.json or NAME:field=value,...; "
            f"other ways to hide: {WAYS}; repeat. "
            "(default: plain, plain-cells, default)"
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of each arm, such as 0,1,2.")] = "0",
    key: OwnersKey = None,
    model: Architecture = "yolov8n",
    weights: Annotated[Path | None, typer.Option(help="Public weights (.pt) that every arm starts from.")] = None,
    size: SquareSize = 640,
    epochs: ImageEpochs = 100,
    batch: Annotated[int, typer.Option(help="Images of a step.")] = 16,
    nominal_batch: NominalImages = 64,
    amp: MixedPrecision = None,
    wrong_keys: Annotated[int, typer.Option(help="Other keys that each veiled detector is tried on.", min=0)] = 3,
    replicates: Annotated[int, typer.Option(help="Bootstrap resamples of each interval.", min=10)] = 1000,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    cpus: Annotated[float | None, typer.Option(help="CPUs of each arm on Ray (default: 1).", min=0.1)] = None,
    gpus: Annotated[float | None, typer.Option(help="GPUs of each arm on Ray (default: 0).", min=0)] = None,
    here: Here = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which arms would run, and run none.")] = False,
    json_file: Annotated[Path | None, json_option("the table")] = None,
) -> None:
    """Measure what a veil costs: the same detector on plain and on veiled images, same data, schedule and seeds.

    Every finished arm is one JSON row under OUT/rows; run again to do what is missing, or with more arms.

    Example: raypp compare images --out cost --weights yolov8n.pt --epochs 100 --seeds 0,1,2

    Example: raypp compare images --out cost --arm plain --arm default --arm coarse:patch=16,channels=32

    Example: raypp compare images --out cost --arm pixelation-16 --arm private-pixelation-16:epsilon=1
    """
    from raypp.compare.arm import ComparisonSchedule
    from raypp.compare.arm_names import parse_arm
    from raypp.compare.comparison import Comparison, published_command
    from raypp.compare.run import plan_lines, run_comparison
    from raypp.veil.keyfile import resolve_key_place

    execution = execution_of(on, address, cpus=cpus, gpus=gpus, here=here)
    chosen = [parse_arm(text, seed) for text in arm or _DEFAULT_ARMS for seed in _seeds(seeds)]
    schedule = ComparisonSchedule(
        architecture=model,
        weights=weights.absolute() if weights else None,
        size=size,
        epochs=epochs,
        batch=batch,
        nominal_batch=nominal_batch,
        amp=amp,
    )
    comparison = Comparison(
        data=str(Path(data).absolute()) if "://" not in data else data,
        out=out.absolute(),
        key_path=resolve_key_place(key).absolute(),
        schedule=schedule,
        arms=tuple(chosen),
        wrong_keys=wrong_keys,
        command=published_command(),
    )
    console = error_console()
    if dry_run:
        say(console, plan_lines(comparison))
        return

    progress = ConsoleProgress(console)
    summary = run_comparison(comparison, execution, progress, replicates=replicates)
    _print(summary, console, comparison.out)
    write_json(json_file, summary)


def _seeds(text: str) -> list[int]:
    try:
        seeds = [int(word) for word in text.split(",")]
    except ValueError:
        raise OptionError(f"--seeds {text!r} must be whole numbers such as 0,1,2") from None
    if len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise OptionError(f"--seeds {text!r} must differ and not be negative")
    return seeds


def _print(summary: "CompareSummary", console: Console, out: Path) -> None:
    from raypp.compare.table import ComparisonTable, table_cells, table_header, table_to_markdown
    from raypp.io.private import PUBLIC

    table, screen = ComparisonTable(summary.lines, summary.reference), ScreenTable(*table_header())
    for line in table.lines:
        screen.add_row(*table_cells(line))
    console.print(screen) if console.is_terminal else say(console, table_to_markdown(table).splitlines())
    if table.reference:
        console.print(f"losses and step times are against {table.reference}", highlight=False, markup=False)
    console.print(
        f"look at       {out / PUBLIC / 'table.png'}, {out / PUBLIC / 'table.md'} (may be published)",
        highlight=False,
        markup=False,
    )
