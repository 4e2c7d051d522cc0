#!/usr/bin/env bash
# A Ray node starts an agent, a Python program of its own, and waits for files in which that names its ports. The wait is
# fixed at 15 seconds, and no setting (RAY_agent_register_timeout_ms among them) makes it longer. On a machine that is
# busy the agent takes longer to import what it needs: the raylet then ends itself, and `ray start` waits on, and says no
# more than that the node "timed out during startup". So a head that is started again on a busy machine may not come
# back. A raylet that has been told all four ports on its command line does not wait.
#
# Version: ray 2.60.0.
# Expected: where all four ports of the agents are named to Ray, it tells the raylet all four.
# Seen: Ray tells the raylet three of them, and not `--dashboard_agent_listen_port`. So it waits, whatever is named.
# Nothing is held up here: this starts a node, and reads the raylet's command line.
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

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray._private import services
from ray._private.node import Node
from ray._private.parameter import RayParams

names = "metrics_agent_port", "metrics_export_port", "runtime_env_agent_port", "dashboard_agent_listen_port"
ports = dict(zip(names, range(42366, 42370)))
commands = []
start = services.start_ray_process


def kept(command, *arguments, **options):
    commands.append(command)
    return start(command, *arguments, **options)


services.start_ray_process = kept
logging.disable(logging.ERROR)
params = RayParams(num_cpus=1, object_store_memory=100 << 20, include_dashboard=False, temp_dir=os.path.abspath("t"), **ports)
node = Node(params, head=True, shutdown_at_exit=False, spawn_reaper=False)
(raylet,) = (command for command in commands if command[0].endswith("/raylet"))
told = {name: any(word.replace("-", "_").startswith(f"__{name}=") for word in raylet) for name in names}
print("told to the raylet:", told)
node.kill_all_processes(check_alive=False, allow_graceful=True)
os._exit(told != {name: name != "dashboard_agent_listen_port" for name in names})
PY
venv/bin/python look.py 2>/dev/null || { echo "Ray behaves otherwise than this says" >&2; exit 1; }
