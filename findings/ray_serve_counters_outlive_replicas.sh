#!/usr/bin/env bash
# Each counter of a Serve replica, Ray's own and those of ray.serve.metrics, has the replica's id as a label. A node goes
# on exporting it after the replica has gone, for two minutes at least. So each deploy, each restart and each step of
# autoscaling adds series at /metrics, and in Prometheus. What counts replicas by their series,
# `count(ray_..._total)`, counts the dead, too.
#
# Version: ray 2.60.0.
# Expected: series of a replica that has gone leave /metrics after a while.
# Seen: after three replicas, one after another, all three are in /metrics two minutes later.
#
# Exits with 1 if Ray behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'ray[serve]==2.60.0'
cat > look.py <<'PY'
import http.client
import logging
import os
import re
import socket
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
from ray import serve
from ray.serve.metrics import Counter

with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
ray.init(
    address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
    _metrics_export_port=port,
)
serve.start(proxy_location="Disabled", logging_config={"log_level": "ERROR"})


@serve.deployment(ray_actor_options={"num_cpus": 0})
class Service:
    def __init__(self):
        self.calls = Counter("calls", "Calls.")

    def call(self):
        self.calls.inc()
        return serve.get_replica_context().replica_id.unique_id


def exported(name):
    connection = http.client.HTTPConnection("localhost", port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return set(re.findall(rf'^{name}\{{.*\breplica="(\w+)"', text, re.M))


NAMES = ("ray_calls_total", "ray_serve_deployment_request_counter_total")


def all_exported(replicas):
    return all(replicas <= exported(name) for name in NAMES)


replicas = set()
for turn in range(3):
    replicas.add(serve.run(Service.bind(), name="app", route_prefix=None).call.remote().result())
    begun = time.monotonic()
    while not all_exported(replicas) and time.monotonic() - begun < 120:
        time.sleep(1)
    print(f"{turn + 1} replicas so far:", {name: sorted(exported(name)) for name in NAMES})
    serve.delete("app")
assert len(replicas) == 3
time.sleep(120)
print("two minutes without any:", {name: sorted(exported(name)) for name in NAMES})
assert all_exported(replicas)
serve.shutdown()
PY
venv/bin/python look.py 2>/dev/null || { echo "Ray behaves otherwise than this says" >&2; exit 1; }
