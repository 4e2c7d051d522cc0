#!/usr/bin/env bash
# A Ray node starts an agent, a Python program of its own, and waits for files in which that names its ports. The wait is
# fixed at 15 seconds, and no setting (RAY_agent_register_timeout_ms among them) makes it longer. On a machine that is
# busy the agent takes longer to import what it needs: the raylet then ends itself with "You have likely discovered a bug
# in Ray", and `ray start` waits on, and says no more than that the node "timed out during startup". So a head that is
# started again on a busy machine does not come back, whether its state lies in RocksDB or not.
#
# Version: ray 2.60.0.
# Expected: a wait that can be set; or none where all four ports of the agents are named beforehand.
# Seen: with an agent that is 20 seconds late, a head does not start, with named ports either: Ray does not tell the
# raylet the fourth, `--dashboard-agent-listen-port`. Where it is told (`--dashboard_agent_listen_port`), the head starts.
#
# Exits with 1 if Ray behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'ray[default]==2.60.0'
mkdir late
cat > late/sitecustomize.py <<'PY'
import time
from pathlib import Path

if "dashboard/agent.py" in Path("/proc/self/cmdline").read_text():
    time.sleep(20)  # as long as a busy machine may take
PY
cat > look.py <<'PY'
import logging
import os
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_agent_register_timeout_ms"] = os.environ["RAY_raylet_start_wait_time_s"] = "120"
os.environ["PYTHONPATH"] = os.path.abspath("late")
from pathlib import Path

from ray._private import services
from ray._private.node import Node
from ray._private.parameter import RayParams

import psutil  # Ray's own, which it puts on the path

NAMES = "metrics_agent_port", "metrics_export_port", "runtime_env_agent_port", "dashboard_agent_listen_port"
known = dict(zip(NAMES, map(int, sys.argv[2:])))
start = services.start_ray_process


def start_told(command, *arguments, **options):
    if command[0].endswith("/raylet"):
        command = [*command, f"--dashboard_agent_listen_port={known['dashboard_agent_listen_port']}"]
    return start(command, *arguments, **options)


if sys.argv[1] == "told":
    services.start_ray_process = start_told
logging.disable(logging.ERROR)
params = RayParams(num_cpus=1, object_store_memory=100 << 20, include_dashboard=False, temp_dir=os.path.abspath("t"), **known)
try:
    node = Node(params, head=True, shutdown_at_exit=False, spawn_reaper=False)
except Exception as error:
    print("did not start:", str(error).splitlines()[0][:60])
    words = "".join(path.read_text() for path in Path("t/session_latest/logs").glob("raylet*.out"))
    assert "Timed out waiting for file" in words
    for process in psutil.Process().children(recursive=True):  # the others go on without a raylet
        process.kill()
    os._exit(7)
print("started")
node.kill_all_processes(check_alive=False, allow_graceful=False)
os._exit(0)
PY
for how in untold "untold 42366 42367 42368 42369"; do
    rc=0
    venv/bin/python look.py $how 2>/dev/null || rc=$?
    [ "$rc" = 7 ] || { echo "Ray behaves otherwise than this says" >&2; exit 1; }
    rm -rf t
done
venv/bin/python look.py told 42366 42367 42368 42369 2>/dev/null || { echo "Ray behaves otherwise than this says" >&2; exit 1; }
