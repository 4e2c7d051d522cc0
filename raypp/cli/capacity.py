"""The `raypp capacity` command."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.json_file import json_option, write_json


def capacity(
    rates: Annotated[Path, typer.Option(help="Rates of the machine, a file of `raypp bench`.")],
    site_rates: Annotated[
        Path | None, typer.Option(help="Rates of the boxes beside cameras, if they are other machines.")
    ] = None,
    sites: Annotated[int | None, typer.Option(help="Sites.")] = None,
    cameras: Annotated[int | None, typer.Option(help="Cameras of a site (default: 4).")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second that each camera sends (default: 2).")] = None,
    hours: Annotated[float | None, typer.Option(help="Hours a day in which cameras send (default: 24).")] = None,
    days: Annotated[float | None, typer.Option(help="Days a year on which they do (default: 365).")] = None,
    width: Annotated[int | None, typer.Option(help="Width of a camera's video (default: 1280).")] = None,
    height: Annotated[int | None, typer.Option(help="Height of a camera's video (default: 720).")] = None,
    video_fps: Annotated[float | None, typer.Option(help="Frames a second of that video (default: 25).")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the letterboxed square (default: 640).")] = None,
    spec: Annotated[str | None, typer.Option(help="Veil, by its name in the rates (default: default).")] = None,
    detections: Annotated[float | None, typer.Option(help="Mean detections of a frame (default: 2).")] = None,
    uses: Annotated[float | None, typer.Option(help="Uses that a camera sees in an hour (default: 10).")] = None,
    keep_days: Annotated[float | None, typer.Option(help="Days that data is kept (default: 365).")] = None,
    engine: Annotated[str | None, typer.Option(help="Detector's engine (default: the quickest measured).")] = None,
    device: Annotated[str | None, typer.Option(help="Where detectors compute: cpu (the default) or gpu.")] = None,
    database: Annotated[str | None, typer.Option(help="Ledger: postgresql (the default) or sqlite.")] = None,
    headroom: Annotated[float | None, typer.Option(help="Share that stays free at the peak (default: 0.3).")] = None,
    node_cpus: Annotated[float | None, typer.Option(help="Cores of a Ray node (default: 16).")] = None,
    node_memory_gb: Annotated[float | None, typer.Option(help="Memory of a Ray node (default: 64).")] = None,
    node_gpus: Annotated[int | None, typer.Option(help="GPUs of a Ray node, with --device gpu (default: 1).")] = None,
    database_cpus: Annotated[float | None, typer.Option(help="Cores of a database's machine (default: 16).")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="YAML with these and further settings; options overrule it.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="YAML with your prices of a month; none is assumed.")] = None,
    json_file: Annotated[Path | None, json_option("the plan")] = None,
) -> None:
    """Plan cores, machines, bytes and money for many sites; computes only, from rates of `raypp bench`.

    Example: raypp capacity --rates rates.json --sites 10000 --cameras 4 --fps 2 --hours 16

    Example: raypp capacity --rates rates.json --settings capacity.yaml --prices prices.yaml --json plan.json
    """
    from raypp.capacity.plan import plan_capacity
    from raypp.capacity.prices import CapacityPrices, MonthlyCosts, PricedPlan
    from raypp.capacity.rates import MeasuredRates
    from raypp.capacity.settings import CapacitySettings
    from raypp.cli.capacity_printing import print_plan

    options = {
        "sites": sites,
        "cameras": cameras,
        "fps": fps,
        "hours": hours,
        "days": days,
        "width": width,
        "height": height,
        "video_fps": video_fps,
        "size": size,
        "spec": spec,
        "detections": detections,
        "uses": uses,
        "keep_days": keep_days,
        "engine": engine,
        "device": device,
        "database": database,
        "headroom": headroom,
        "node_cpus": node_cpus,
        "node_memory_gb": node_memory_gb,
        "node_gpus": node_gpus,
        "database_cpus": database_cpus,
    }
    wanted = CapacitySettings.merged(settings, options)
    measured = MeasuredRates.load(rates)
    if site_rates:
        measured = measured.with_sites(MeasuredRates.load(site_rates))
    plan = plan_capacity(wanted, measured)
    costs = MonthlyCosts.of(plan, CapacityPrices.load(prices)) if prices else None
    print_plan(plan, costs, Console())
    write_json(json_file, PricedPlan(plan=plan, costs=costs))
