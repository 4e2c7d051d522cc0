#!/usr/bin/env bash
# Ray takes a port for its Prometheus metrics (`_metrics_export_port`). Where another program listens there already, the
# node's agent ends, the node never becomes ready, and `ray.init` waits for its whole time. What it then raises speaks
# of a raylet that failed or a GCS that is overloaded; the port, and that it is taken, are not in it.
#
# Version: ray 2.60.0.
# Expected: an error that names the port, as soon as it could not be bound.
# Seen: about half a minute, then a bare Exception, "The current node timed out during startup. This could happen
# because some of the raylet failed to startup or the GCS has become overloaded". A free port starts as ever.
#
# Exits with 1 if Ray behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'ray[default]==2.60.0'
cat > look.py <<'PY'
import logging
import os
import socket
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray


def start(port):
    begun = time.monotonic()
    try:
        ray.init(
            address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
            _metrics_export_port=port,
        )
    except Exception as error:
        return str(error), time.monotonic() - begun
    finally:
        ray.shutdown()
    return "started", time.monotonic() - begun


with socket.socket() as other:
    other.bind(("127.0.0.1", 0))
    port = other.getsockname()[1]
print(f"port {port}, free:", *start(port))
with socket.socket() as other:
    other.bind(("127.0.0.1", port))
    other.listen()
    words, seconds = start(port)
print(f"port {port}, taken:", words, f"{seconds:.0f} s")
assert "timed out during startup" in words
assert str(port) not in words
assert seconds > 15
PY
venv/bin/python look.py 2>/dev/null || { echo "Ray behaves otherwise than this says" >&2; exit 1; }
