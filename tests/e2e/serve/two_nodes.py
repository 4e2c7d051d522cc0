"""A service on a Ray of two nodes, a gateway on each: `python -m tests.e2e.serve.two_nodes SETTINGS PORT`."""

import logging
import sys
import time

import ray
from ray import serve
from ray.serve.config import HTTPOptions, ProxyLocation, gRPCOptions

from actors.application import build_app
from raypp.io.ports import free_ports
from raypp.serving.door import SERVICER
from raypp.serving.settings import APPLICATION, ServiceSettings
from tests.ray_cluster import running_cluster

_NODE = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}


def main(settings: str, port: str) -> None:
    """Serve until killed; two nodes of one machine cannot both have a proxy on one port."""
    with running_cluster(_NODE, _NODE) as cluster:
        ray.init(address=cluster.address, namespace="serve", logging_level=logging.ERROR, log_to_driver=False)
        serve.start(
            proxy_location=ProxyLocation.HeadOnly,
            http_options=HTTPOptions(port=free_ports(1)[0]),
            grpc_options=gRPCOptions(port=int(port), grpc_servicer_functions=[SERVICER]),
        )
        serve.run(build_app(ServiceSettings.model_validate_json(settings)), name=APPLICATION)
        print("serving", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
