"""The `raypp demo` command."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.commands import on_ray
from raypp.cli.console import ConsoleProgress
from raypp.cli.json_file import json_option, write_json
from raypp.cli.veil import ClusterOptions
from raypp.demo.run import DemoOptions, run_demo
from raypp.ingest.attempts import Attempt
from raypp.ingest.job import veil_here
from raypp.ingest.segment import Segment
from raypp.ingest.settings import VeilSettings


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    seconds: Annotated[float, typer.Option(help="Length of each video.", min=10)] = 30.0,
    json_file: Annotated[Path | None, json_option("the veil job's summary")] = None,
) -> None:
    """Make a sample archive of a workshop, veil it, verify it, and train a small detector on the veiled frames.

    Example: raypp demo --out demo-out
    """
    cluster = on_ray("veil")

    def execute(segments: Sequence[Segment], settings: VeilSettings) -> Iterator[Attempt]:
        return cluster(segments, settings, ClusterOptions()) if cluster else veil_here(segments, settings)

    attack, train = (on_ray(work) if find_spec("ultralytics") else None for work in ("audit", "train"))
    trainer = (lambda *settings: train(*settings, None)) if train else None
    summary = run_demo(DemoOptions(out, seed, seconds), execute, attack, trainer, ConsoleProgress())
    write_json(json_file, summary)
