"""Whole machines and processes for a demand, with head-room, and which of them run out first."""

from math import ceil, inf

from pydantic import BaseModel, ConfigDict, Field

from raypp.capacity.choice import RateChoice
from raypp.capacity.demand import CapacityDemand, demand_of
from raypp.capacity.rates import MeasuredRates, ProcessGroup
from raypp.capacity.settings import CapacitySettings
from raypp.errors import OptionError

_ALMOST = 1e-9
"""Of a whole machine: what rounding errors may add."""


class CapacityPlan(BaseModel):
    """Processes and machines to buy for a load."""

    model_config = ConfigDict(frozen=True)

    settings: CapacitySettings
    demand: CapacityDemand
    detector: str = Field(description="what detectors compute with, as in the rates")
    cores_per_site: int = Field(description="whole cores beside the cameras of a site")
    memory_per_site_bytes: float = Field(description="memory of a site's agent")
    wire_bits_per_s_site: float = Field(description="bits a second of a site's link, with head-room")
    wire_bits_per_s: float = Field(description="bits a second at the service, with head-room")
    wire_bytes_per_month: float = Field(description="bytes that come in a mean month")
    gateways: int = Field(description="replicas of the gateway")
    detectors: int = Field(description="replicas of the detector: one for each thread, or for each GPU")
    gpus: int = Field(description="GPUs")
    databases: int = Field(description="machines for ledgers; each serves some of the sites")
    ledger_bytes_per_day: float = Field(description="bytes that a day adds")
    ledger_bytes_per_year: float = Field(description="bytes that a year adds")
    ledger_bytes_kept: float = Field(description="bytes that are kept until they are forgotten")
    memory_bytes: float = Field(description="memory of all processes of the service")
    nodes: int = Field(description="Ray nodes")
    nodes_by: dict[str, int] = Field(description="nodes that each resource alone would need")
    bottleneck: str = Field(description="what sets the number of nodes, and who takes most of it")


def plan_capacity(settings: CapacitySettings, rates: MeasuredRates) -> CapacityPlan:
    """Plan what a load needs.

    Raises:
        OptionError: if a rate is missing, a node is too small for Ray alone, or SQLite would serve several nodes.
    """
    choice = RateChoice(rates, settings)
    demand, usable = demand_of(settings, choice), settings.usable
    gateways = max(_whole(demand.gateway_cores / usable), _whole(demand.streams / settings.streams_per_gateway))
    gpus = _whole(demand.detector_gpus / usable)
    detectors = gpus or _whole(demand.detector_cores / usable)
    memory = _memory(choice, demand, gateways, detectors)
    nodes_by = _nodes(settings, choice, demand, memory, gpus)
    nodes = max(nodes_by.values())
    databases = _databases(settings, choice, demand)
    if settings.database == "sqlite" and max(nodes, databases) > 1:
        raise OptionError(
            f"`database` sqlite serves one node, and this load takes {max(nodes, databases):,}; give postgresql, "
            "or plan several services with fewer sites each"
        )
    kept = min(settings.keep_days, settings.keep_days * settings.days / 365)
    ray = choice.service.processes[ProcessGroup.RAY]
    proxy = choice.service.processes[ProcessGroup.PROXY]
    return CapacityPlan(
        settings=settings,
        demand=demand,
        detector=choice.detect.engine,
        cores_per_site=_whole(demand.site_cores / settings.sites / usable),
        memory_per_site_bytes=choice.agent.base_bytes + settings.cameras * choice.agent.camera_bytes,
        wire_bits_per_s_site=8 * demand.wire_bytes_per_s / settings.sites / usable,
        wire_bits_per_s=8 * demand.wire_bytes_per_s / usable,
        wire_bytes_per_month=demand.wire_bytes_per_s * 3600 * settings.hours * settings.days / 12,
        gateways=gateways,
        detectors=detectors,
        gpus=gpus,
        databases=databases,
        ledger_bytes_per_day=demand.ledger_bytes_per_day,
        ledger_bytes_per_year=demand.ledger_bytes_per_day * settings.days,
        ledger_bytes_kept=demand.ledger_bytes_per_day * kept,
        memory_bytes=memory + nodes * (ray.base_bytes + proxy.base_bytes),
        nodes=nodes,
        nodes_by=nodes_by,
        bottleneck=_bottleneck(nodes_by, demand),
    )


def _whole(fraction: float) -> int:
    return max(1, ceil(fraction - _ALMOST)) if fraction > 0 else 0


def _memory(choice: RateChoice, demand: CapacityDemand, gateways: int, detectors: int) -> float:
    """Bytes of replicas and their streams, wherever they run."""
    processes = choice.service.processes
    replicas = gateways * processes[ProcessGroup.GATEWAY].base_bytes
    return replicas + detectors * processes[ProcessGroup.DETECTOR].base_bytes + demand.stream_memory_bytes


def _nodes(
    settings: CapacitySettings, choice: RateChoice, demand: CapacityDemand, memory: float, gpus: int
) -> dict[str, int]:
    """Nodes that each resource alone needs; each node has a proxy, which is one process, and Ray's own."""
    ray, proxy = choice.service.processes[ProcessGroup.RAY], choice.service.processes[ProcessGroup.PROXY]
    cores = settings.node_cpus * settings.usable - ray.base_cores - proxy.base_cores
    room = settings.node_memory_gb * 1e9 * settings.usable - ray.base_bytes - proxy.base_bytes
    for name, free, value in (
        ("node_cpus", cores, settings.node_cpus),
        ("node_memory_gb", room, settings.node_memory_gb),
    ):
        if free <= 0:
            raise OptionError(f"`{name}` {value:g} is less than Ray and its proxy take, with head-room; give more")
    return {
        "cores": _whole(demand.service_cores / cores),
        "memory": _whole(memory / room),
        "proxies": _whole(demand.proxy_cores / (settings.usable - min(proxy.base_cores, settings.usable / 2))),
        "GPUs": _whole(gpus / settings.node_gpus),
    }


def _databases(settings: CapacitySettings, choice: RateChoice, demand: CapacityDemand) -> int:
    """Machines for ledgers: by cores where the server's were measured, else by commits as they were measured."""
    by_commits = demand.commits_per_s / choice.ledger.commits_per_s
    if demand.database_cores is None:
        return _whole(by_commits / settings.usable)
    return _whole(demand.database_cores / settings.database_cpus / settings.usable)


def _bottleneck(nodes_by: dict[str, int], demand: CapacityDemand) -> str:
    """Name what sets the number of nodes, and who takes most of the cores."""
    resource = max(nodes_by, key=lambda name: nodes_by[name] or -inf)
    cores = {
        "gateways": demand.gateway_cores,
        "proxies": demand.proxy_cores,
        "detectors": demand.detector_cores,
        "Ray itself": demand.ray_cores,
    }
    largest = max(cores, key=lambda name: cores[name])
    words = f"{largest} take {100 * cores[largest] / demand.service_cores:.0f} % of the service's cores"
    if resource == "proxies":
        return f"proxies, one process on each node; {words}"
    return f"{resource}; {words}"
