"""Where a command works that can do without Ray."""

from raypp.errors import OptionError


def works_here(cluster: object | None, *, here: bool, address: str | None) -> bool:
    """Whether a command works in its own process: where `--here` asks for it, or where Ray is not installed.

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
    return here or cluster is None
