"""Deploy a Serve config as `serve deploy` does, without a dashboard: `python -m tests.nodes.deploy ADDRESS FILE`."""

import sys
import time
from pathlib import Path
from typing import Any

import ray
import yaml
from ray import serve
from ray.serve._private import api
from ray.serve.schema import ServeDeploySchema, ServeStatus

_SERVES_WITHIN_S = 600
_PROXIES_WITHIN_S = 300
"""On a machine that is busy; Ray's own minute is no setting."""


def main(address: str, config_file: str) -> None:
    """Deploy what is in a file, or deploy nothing and wait until what was deployed serves, where the file is `-`."""
    ray.init(address=address, namespace="serve", logging_level="error", log_to_driver=False)
    if config_file != "-":
        config = ServeDeploySchema.model_validate(yaml.safe_load(Path(config_file).read_text()))
        api.HTTP_PROXY_TIMEOUT = _PROXIES_WITHIN_S
        client: Any = api.serve_start(
            http_options=config.http_options.model_dump(),
            proxy_location=config.proxy_location,
            grpc_options=config.grpc_options.model_dump(),
        )
        client.deploy_apps(config)
    deadline = time.monotonic() + _SERVES_WITHIN_S
    while words := _lacking(serve.status()):
        if time.monotonic() > deadline:
            raise SystemExit(words)
        time.sleep(0.5)


def _lacking(status: ServeStatus) -> str:
    """Say what does not run yet; empty if all does."""
    if not status.applications:
        return "no application"
    waiting = [f"{name} {app.status} {app.message}" for name, app in status.applications.items()]
    running = all(app.status == "RUNNING" for app in status.applications.values())
    healthy = all(proxy == "HEALTHY" for proxy in status.proxies.values())
    return "" if running and healthy else "; ".join(waiting) + f"; proxies {list(status.proxies.values())}"


if __name__ == "__main__":
    main(*sys.argv[1:])
