"""Ray clusters whose nodes are all on this machine; what a node that does not start leaves is ended, too."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray._private.node import Node
    from ray.cluster_utils import Cluster

_STARTS = 3
"""Ray has a fixed time to start, which is short on a machine that is busy."""
_TOO_LATE = "timed out during startup"


@contextmanager
def running_cluster(*nodes: Mapping[str, Any]) -> Iterator[Cluster]:
    """Run a cluster, whose first node is the head.

    Args:
        nodes: arguments of each node, as for `Cluster.add_node`.
    """
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        for node in nodes:
            add_node(cluster, **node)
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Cluster, **node: Any) -> Node:
    """Start a node, and start it again where it took too long; Ray itself leaves what had started of it.

    Args:
        cluster: that it belongs to.
        node: its arguments, as for `Cluster.add_node`.
    """
    for _ in range(_STARTS - 1):
        try:
            return _start(cluster, node)
        except Exception as error:  # Ray raises no narrower one
            if _TOO_LATE not in str(error):
                raise
    return _start(cluster, node)


def _start(cluster: Cluster, node: Mapping[str, Any]) -> Node:
    """Start a node, or end all that has started of it."""
    before = cluster.list_all_nodes()
    try:
        return cluster.add_node(**node)
    except BaseException as error:
        for late in cluster.list_all_nodes():
            if late not in before:
                cluster.remove_node(late, allow_graceful=False)
        _end_what_started(error)
        raise


def _end_what_started(error: BaseException) -> None:
    """End the processes of a node whose making raised this: nothing but the frames of the error has it."""
    from ray._private.node import Node

    for frame, _ in traceback.walk_tb(error.__traceback__):
        node = frame.f_locals.get("self")
        if isinstance(node, Node):
            node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
            return
