#!/usr/bin/env bash
# Each process of Ray starts some two seconds later where jsonschema has its extra `format-nongpl`, which Jupyter
# (jupyter-events) and CycloneDX's library install. `import ray` imports jsonschema; jsonschema imports rfc3987-syntax
# if it is there; and that builds a grammar with lark as it is imported, for formats that nobody asks for. A local Ray
# has eight such processes besides the program.
#
# Versions: ray 2.60.0, jsonschema 4.26.0, rfc3987-syntax 1.1.0, lark 1.3.1; Python 3.11.
# Expected: what Ray takes to be imported does not depend on a checker of formats that it does not use.
# Seen: `import ray` takes more than twice the CPU time (0.6 s without, 2.6 s with it, here).
#
# Exits with 1 if it takes less than 1.5 times as long.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ray==2.60.0 jsonschema==4.26.0
cat > cost.py <<'PY'
import os
import subprocess
import sys


def cpu_s():
    before = os.times()
    subprocess.run([sys.executable, "-c", "import ray"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


cpu_s()  # compiles the modules
print(min(cpu_s() for _ in range(5)))
PY
without=$(venv/bin/python cost.py)
venv/bin/pip install --quiet --disable-pip-version-check 'jsonschema[format-nongpl]==4.26.0' rfc3987-syntax==1.1.0 lark==1.3.1
with=$(venv/bin/python cost.py)
echo "import ray: $without s of CPU; beside jsonschema[format-nongpl]: $with s"
venv/bin/python -c "import sys; sys.exit($with < 1.5 * $without)"
