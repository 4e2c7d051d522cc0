"""Provider of nodes for Ray's autoscaler: it orders machines in a folder, and whoever runs the test provides them.

The autoscaler runs on the head, where no machine can be started; so an order is a file, and so is its end.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import NODE_KIND_HEAD, TAG_RAY_NODE_KIND, TAG_RAY_NODE_NAME, TAG_RAY_USER_NODE_TYPE

HEAD, WORKER = "head", "worker"
"""Types of nodes; the first is the head's name, too."""
ENDED = ".ended"
_HEAD_TAGS = {TAG_RAY_NODE_KIND: NODE_KIND_HEAD, TAG_RAY_USER_NODE_TYPE: HEAD, TAG_RAY_NODE_NAME: HEAD}


class MachineProvider(NodeProvider):
    """Orders machines.

    Args:
        provider_config: names the `folder` of orders.
        cluster_name: of the cluster.
    """

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config, cluster_name)
        self._folder = Path(provider_config["folder"])

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        """Return names of the head and of what is ordered, with these tags."""
        names = [
            HEAD,
            *(path.stem for path in sorted(self._folder.glob("*.json")) if not self.is_terminated(path.stem)),
        ]
        return [name for name in names if tag_filters.items() <= self.node_tags(name).items()]

    def is_running(self, node_id: str) -> bool:
        """Whether a machine is ordered."""
        return not self.is_terminated(node_id)

    def is_terminated(self, node_id: str) -> bool:
        """Whether a machine's order has ended."""
        return (self._folder / f"{node_id}{ENDED}").exists()

    def node_tags(self, node_id: str) -> dict[str, str]:
        """Return the tags that a machine was ordered with."""
        if node_id == HEAD:
            return _HEAD_TAGS
        tags: dict[str, str] = json.loads((self._folder / f"{node_id}.json").read_text())
        return tags

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        """Change nothing."""

    def external_ip(self, node_id: str) -> str:
        """Return what stands for an address; the autoscaler connects to no machine."""
        return node_id

    internal_ip = external_ip

    def create_node_with_resources_and_labels(
        self,
        node_config: dict[str, Any],  # noqa: ARG002 - all machines are alike
        tags: dict[str, str],
        count: int,
        resources: dict[str, float],  # noqa: ARG002
        labels: dict[str, str],  # noqa: ARG002
    ) -> None:
        """Order machines."""
        for _ in range(count):
            written = self._folder / f"{secrets.token_hex(8)}.new"
            written.write_text(json.dumps(tags))
            written.rename(written.with_suffix(".json"))

    def terminate_node(self, node_id: str) -> None:
        """End an order."""
        (self._folder / f"{node_id}{ENDED}").touch()
