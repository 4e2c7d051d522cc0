"""`python -m jobs.start_node` without what no test here needs: `python -m tests.nodes.ray_start OPTIONS`.

Each of the processes left out costs two seconds of a CPU: what forwards logs to drivers, the dashboard, the server of
Ray Client, and the autoscaler.
"""

from ray._private.node import Node

from jobs.start_node import main as start_node

_LEFT_OUT = ["start_log_monitor", "start_api_server", "start_ray_client_server", "start_monitor"]


def main() -> None:
    """Start a node, and leave its processes behind."""
    for start in _LEFT_OUT:
        setattr(Node, start, _start_nothing)
    start_node()


def _start_nothing(*_: object, **__: object) -> None:
    """Stand where `Node` would start a process."""


if __name__ == "__main__":
    main()
