#!/usr/bin/env bash
# Ray exports a Histogram of ray.util.metrics to Prometheus from the counts of its buckets, not from its values: each
# observation counts as the middle of its bucket, and one above the last boundary as twice that boundary. `_count` and
# `_bucket` are right. So a mean by `rate(..._sum) / rate(..._count)`, which dashboards of latencies are made of, is of
# the boundaries more than of what was observed: it can be far too high or too low, and does not move within a bucket.
#
# Version: ray 2.60.0.
# Expected: `_sum` is the sum of what was observed: 32 for four times 8, and 1000 for one.
# Seen: with the boundaries 4, 8, 16, four times 8 give 24, and 1000 gives 32.
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
from ray.util.metrics import Histogram

with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
ray.init(
    address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
    _metrics_export_port=port,
)


@ray.remote
class Observer:
    def __init__(self):
        self.boundaries = [4.0, 8.0, 16.0]
        self.few = Histogram("frames_together", "Frames handed over at once.", boundaries=self.boundaries)
        self.one = Histogram("latency_ms", "Milliseconds.", boundaries=self.boundaries)

    def observe(self):
        for _ in range(4):
            self.few.observe(8.0)
        self.one.observe(1000.0)


def exported():
    connection = http.client.HTTPConnection("localhost", port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {
        name: float(value)
        for name, value in re.findall(r"^ray_((?:frames_together|latency_ms)_(?:sum|count))\{.*\} (\S+)$", text, re.M)
    }


observer = Observer.remote()
ray.get(observer.observe.remote())
deadline = time.monotonic() + 60
while len(seen := exported()) < 4 and time.monotonic() < deadline:
    time.sleep(1)
print("four times 8, and once 1000, are exported as", seen)
assert seen == {
    "frames_together_count": 4, "frames_together_sum": 24, "latency_ms_count": 1, "latency_ms_sum": 32
}
PY
venv/bin/python look.py 2>/dev/null || { echo "Ray behaves otherwise than this says" >&2; exit 1; }
