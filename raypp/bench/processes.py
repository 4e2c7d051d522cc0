"""CPU and memory of a process and all below it, by groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil

from raypp.capacity.rates import ProcessGroup

_TITLES = {
    "ServeReplica:raypp:Gateway": ProcessGroup.GATEWAY,
    "ServeReplica:raypp:Detector": ProcessGroup.DETECTOR,
    "ProxyActor": ProcessGroup.PROXY,
}
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


@dataclass(frozen=True)
class ServiceUsage:
    """CPU time and memory that the processes of a service have used.

    Attributes:
        cpu_s: CPU seconds so far, by group.
        pss_bytes: memory now, proportional set size, by group.
    """

    cpu_s: Mapping[ProcessGroup, float]
    pss_bytes: Mapping[ProcessGroup, float]


def service_usage(pid: int) -> ServiceUsage:
    """Return what a `raypp serve` and its Ray have used; whatever is no replica and no proxy is Ray's."""
    cpu_s, pss = dict.fromkeys(ProcessGroup, 0.0), dict.fromkeys(ProcessGroup, 0.0)
    for process in family(pid):
        try:
            title = " ".join(process.cmdline())
            group = next((group for part, group in _TITLES.items() if part in title), ProcessGroup.RAY)
            cpu_s[group] += cpu_of(process)
            pss[group] += process.memory_full_info().pss
        except _GONE:
            continue
    return ServiceUsage(cpu_s, pss)


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all below it; nothing where it has gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except _GONE:
        return []


def cpu_of(process: psutil.Process) -> float:
    """Return the CPU seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def pss_of(processes: Iterable[psutil.Process]) -> int:
    """Return the memory of processes, proportional set size in bytes; those that have gone count nothing."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except _GONE:
            continue
    return total
