"""How the CPUs of nodes are shared by workers, so that each worker fits on a node."""

from collections.abc import Sequence

_LEAST_CPUS = 0.5
_SHARE_OF_NODE = 0.9


def cpus_each(nodes: Sequence[float], workers: int) -> float:
    """Return the most CPUs that each of some workers can have, of nodes with so many CPUs each."""
    shares = (node / number for node in nodes if node for number in range(1, workers + 1))
    return max(share for share in shares if sum(int(node / share + 1e-9) for node in nodes) >= workers)


def cpus_after_a_loss(nodes: Sequence[float], workers: int) -> float:
    """Return the most that each of some workers can have where one still finds room when any node is lost.

    A tenth of it is left to what runs on a node beside them, such as a replica of a service. A cluster that has no
    node with CPUs yet is asked for one each.
    """
    rooms = sorted(node for node in nodes if node)
    return _SHARE_OF_NODE * min(cpus_each(rooms, workers), *rooms[-2:]) if rooms else 1.0


def cpus_beside_readers(nodes: Sequence[float], workers: int) -> float:
    """Return the most that each of some workers can have where each node keeps CPUs to read frames.

    So what a worker reads is read beside it, also when all other nodes are lost. Workers that are more than there is
    room for have half a CPU each.
    """
    rooms = [node - reading_cpus(node) for node in nodes]
    return max(_LEAST_CPUS, cpus_each(rooms, workers)) if any(room > 0 for room in rooms) else _LEAST_CPUS


def reading_cpus(node: float) -> float:
    """Return the CPUs that a node keeps to read frames: one, or half of a single one."""
    return min(node, 1 if node > 1 else _LEAST_CPUS)
