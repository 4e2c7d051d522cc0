"""Where a command works that can do without Ray."""

from typing import TypeVar

from raypp.errors import OptionError

Cluster = TypeVar("Cluster")


def cluster_unless_here(cluster: Cluster | None, *, here: bool, address: str | None) -> Cluster | None:
    """Return what works on Ray; None for a command's own process: where asked for, or where Ray is not installed.

    Args:
        cluster: what works on Ray; None without it.
        here: whether `--here` was given.
        address: address of a running Ray, if one was given.

    Raises:
        OptionError: if a Ray was named that would not be used.
    """
    if address and here:
        raise OptionError(f"--address {address} is of a Ray; leave out --here")
    if address and cluster is None:
        raise OptionError(f"--address {address} needs Ray; install raypp[cluster]")
    return None if here else cluster
