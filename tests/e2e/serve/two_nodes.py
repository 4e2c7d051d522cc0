"""A service on a Ray of two nodes, a gateway on each: `python -m tests.e2e.serve.two_nodes SETTINGS PORT`."""

import logging
import sys
import time

import ray
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.config import HTTPOptions, ProxyLocation, gRPCOptions

from actors.application import build_app
from raypp.io.ports import free_ports
from raypp.serving.door import SERVICER
from raypp.serving.settings import APPLICATION, ServiceSettings

_NODE = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
_STARTS = 3


def main(settings: str, port: str) -> None:
    """Serve until killed; two nodes of one machine cannot both have a proxy on one port."""
    cluster = Cluster()
    try:
        for _ in range(2):
            _add_node(cluster)
        ray.init(address=cluster.address, namespace="serve", logging_level=logging.ERROR, log_to_driver=False)
        serve.start(
            proxy_location=ProxyLocation.HeadOnly,
            http_options=HTTPOptions(port=free_ports(1)[0]),
            grpc_options=gRPCOptions(port=int(port), grpc_servicer_functions=[SERVICER]),
        )
        serve.run(build_app(ServiceSettings.model_validate_json(settings)), name=APPLICATION)
        print("serving", flush=True)
        time.sleep(600)
    finally:
        cluster.shutdown()


def _add_node(cluster: Cluster) -> None:
    """Add a node; one of Ray's that waits too long for a part of itself dies, on a machine that is busy."""
    for attempt in range(_STARTS):
        try:
            cluster.add_node(**_NODE)
        except Exception:  # Ray raises no narrower one
            if attempt == _STARTS - 1:
                raise
        else:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
