"""A capacity plan on a terminal."""

from collections.abc import Iterator

from rich.console import Console

from raypp.capacity.plan import CapacityPlan
from raypp.capacity.prices import MonthlyCosts
from raypp.cli.tables import fitted, plain_table
from raypp.text.wording import byte_size, counted

_BIT_STEPS = ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"))


def print_plan(plan: CapacityPlan, costs: MonthlyCosts | None, console: Console) -> None:
    """Print a plan as a table, what limits it, and its costs where there are any."""
    settings, demand = plan.settings, plan.demand
    title = (
        f"{counted(settings.sites, 'site')} with {counted(settings.cameras, 'camera')} each, "
        f"{settings.fps:g} frames/s, {settings.hours:g} hours a day"
    )
    table = plain_table(title, ("what", "at the peak", "to buy"), (1, 2))
    for row in _rows(plan):
        table.add_row(*row)
    console.print(fitted(table))
    free = f"{100 * settings.headroom:.0f} % of each machine stays free at the peak"
    console.print(
        f"\nlimited by    {plan.bottleneck}\nhead-room     {free}", highlight=False, markup=False, soft_wrap=True
    )
    if demand.database_cores is None:
        line = "database      its CPU was not measured here: machines are counted by commits of a single client"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if costs:
        _print_costs(costs, console)


def _rows(plan: CapacityPlan) -> Iterator[tuple[str, str, str]]:
    settings, demand = plan.settings, plan.demand
    kept = f"{byte_size(plan.ledger_bytes_kept)} kept"
    yield "streams", f"{demand.streams:,.0f}", ""
    yield "frames a second", f"{demand.frames_per_s:,.0f}", ""
    yield "beside cameras", _cores(demand.site_cores), f"{counted(plan.cores_per_site, 'core')} a site"
    yield "memory of a site's agent", "", byte_size(plan.memory_per_site_bytes)
    yield "link of a site", "", _bits(plan.wire_bits_per_s_site)
    yield "link of the service", _bits(8 * demand.wire_bytes_per_s), _bits(plan.wire_bits_per_s)
    yield "that comes in a month", byte_size(plan.wire_bytes_per_month), ""
    yield "gateways", _cores(demand.gateway_cores), counted(plan.gateways, "replica")
    yield "Serve's proxies", _cores(demand.proxy_cores), counted(plan.nodes_by["proxies"], "node")
    if settings.device == "gpu":
        yield "detectors", f"{demand.detector_gpus:,.1f} GPUs, {_cores(demand.detector_cores)}", f"{plan.gpus:,} GPUs"
    else:
        yield "detectors", _cores(demand.detector_cores), counted(plan.detectors, "replica")
    yield f"  by {plan.detector}", "", ""
    yield "Ray itself", _cores(demand.ray_cores), "on each node"
    nodes = f"{settings.node_cpus:g} cores, {settings.node_memory_gb:g} GB"
    yield f"Ray nodes of {nodes}", _cores(demand.service_cores), counted(plan.nodes, "node")
    yield "memory of the service", byte_size(plan.memory_bytes), ""
    yield f"commits a second, {settings.database}", f"{demand.commits_per_s:,.0f}", ""
    machines = f"{counted(plan.databases, 'machine')} of {settings.database_cpus:g} cores"
    cores = _cores(demand.database_cores) if demand.database_cores is not None else ""
    yield "ledgers", cores, machines if settings.database == "postgresql" else counted(plan.databases, "service")
    yield "log of ledgers", f"{byte_size(demand.log_bytes_per_s)}/s", ""
    yield "ledgers grow", f"{byte_size(plan.ledger_bytes_per_day)} a day", kept
    yield "", f"{byte_size(plan.ledger_bytes_per_year)} a year", ""


def _print_costs(costs: MonthlyCosts, console: Console) -> None:
    unit = f" {costs.currency}" if costs.currency else ""
    table = plain_table("\na month, by your prices", ("what", "amount"), (1,))
    for name, amount in costs.amounts.items():
        table.add_row(name, f"{amount:,.0f}{unit}")
    table.add_row("all", f"{costs.total:,.0f}{unit}")
    console.print(fitted(table))
    if costs.unpriced:
        console.print(f"no price      {', '.join(costs.unpriced)}", highlight=False, markup=False, soft_wrap=True)


def _cores(cores: float) -> str:
    return f"{cores:,.1f} cores" if cores < 100 else f"{cores:,.0f} cores"


def _bits(bits_per_s: float) -> str:
    for step, unit in _BIT_STEPS:
        if bits_per_s >= step:
            return f"{bits_per_s / step:,.1f} {unit}"
    return f"{bits_per_s:.0f} bit/s"
