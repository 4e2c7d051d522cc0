"""`python -m jobs.start_node` without what no test here needs: `python -m tests.nodes.ray_start OPTIONS`.

Each of the processes left out costs two seconds of a CPU: what forwards logs to drivers, the dashboard, the server of
Ray Client, and an autoscaler that has nothing to scale.
"""

import sys

from ray._private.node import Node

from jobs.start_node import main as start_node

_LEFT_OUT = ["start_log_monitor", "start_api_server", "start_ray_client_server"]


def main() -> None:
    """Start a node, and leave its processes behind."""
    scaled = any(word.startswith("--autoscaling-config") for word in sys.argv)
    for start in _LEFT_OUT if scaled else [*_LEFT_OUT, "start_monitor"]:
        setattr(Node, start, _start_nothing)
    start_node()


def _start_nothing(*_: object, **__: object) -> None:
    """Stand where `Node` would start a process."""


if __name__ == "__main__":
    main()
