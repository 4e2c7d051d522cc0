"""The agent runs on an edge box: without Ray, torch, SQLAlchemy, or anything else of the cluster's."""

import subprocess
import sys

_HEAVY = ["ray", "torch", "sqlalchemy", "alembic", "psycopg", "matplotlib", "ultralytics", "cv2", "scipy", "pandas"]


def test_agent_and_capture_load_nothing_of_the_cluster():
    for module in ("raypp.cli.stream", "raypp.cli.site_agent", "raypp.edge.capture.process"):
        script = f"import sys, {module}; print([name for name in {_HEAVY} if name in sys.modules])"
        process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert process.stdout.strip() == "[]"


def test_a_capture_process_loads_no_grpc():
    script = "import sys, raypp.edge.capture.process; print('grpc' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"
