#!/usr/bin/env bash
# A Gauge of ray.util.metrics that is set once is exported to Prometheus for some twenty seconds, and then leaves
# /metrics, although its process lives and its value still holds. A Counter stays. So a gauge that is set where its
# value changes ("streams open", "models loaded") is mostly absent: dashboards have gaps, `max(...)` is empty, and an
# alert such as `x > 0` resolves by itself while the fault lasts. It has to be set again every few seconds.
#
# Version: ray 2.60.0.
# Expected: a gauge is exported with its last value for as long as the process that set it lives.
# Seen: it appears within about ten seconds, and is gone within forty; the counter that rose with it is still there.
#
# Exits with 1 if Ray behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'ray[default]==2.60.0'
cat > look.py <<'PY'
import http.client
import logging
import os
import re
import socket
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
from ray.util.metrics import Counter, Gauge

with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
ray.init(
    address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
    _metrics_export_port=port,
)


@ray.remote
class Service:
    def __init__(self):
        self.streams = Gauge("streams", "Streams open.")
        self.opened = Counter("opened", "Streams opened.")

    def open(self):
        self.streams.set(3)
        self.opened.inc()


def exported():
    connection = http.client.HTTPConnection("localhost", port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return set(re.findall(r"^ray_(streams|opened)[_a-z]*\{", text, re.M))


def wait_for(names):
    begun = time.monotonic()
    while exported() != names and time.monotonic() - begun < 90:
        time.sleep(1)
    print(f"after {time.monotonic() - begun:.0f} s more:", sorted(exported()))
    assert exported() == names


service = Service.remote()
ray.get(service.open.remote())
wait_for({"streams", "opened"})
wait_for({"opened"})
time.sleep(30)
wait_for({"opened"})
ray.get(service.open.remote())
wait_for({"streams", "opened"})
PY
venv/bin/python look.py 2>/dev/null || { echo "Ray behaves otherwise than this says" >&2; exit 1; }
