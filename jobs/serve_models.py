"""Serve detectors to sites on this machine, or on a running Ray: Gateway and Detector deployments, until told to stop.

Example:
    raypp serve --model tools.model --ledger sqlite:///ledger.db --front-secret-file front.secret
"""

import logging
import os
import secrets
import signal
from collections.abc import Callable
from math import ceil
from threading import Event
from typing import Any

from rich.console import Console

from actors.listening import ADDRESS_VARIABLE, listen_where_told
from jobs.command import run_job
from jobs.local_ray import keep_local, listens_everywhere, session_folder, with_own_code_alone, without_noise
from jobs.starting import sigterm_kept, start_told
from raypp.cli.console import error_console
from raypp.cli.serve import serve as serve_command
from raypp.errors import RayppError
from raypp.execution import ExecutionSettings
from raypp.serving.bundles import describe_bundle
from raypp.serving.defaults import LEDGER_VARIABLE
from raypp.serving.door import FRONT_VARIABLE, LIMITS_VARIABLE, SERVICER
from raypp.serving.service_address import ServiceAddress
from raypp.serving.settings import APPLICATION, ServiceSettings

_OBJECT_STORE_BYTES = 256 << 20
"""Codes of the chunks under way pass through it."""
_GLANCE_S = 1.0
_METRICS_S = 120.0
PORT_WAIT_S = 10.0
"""A service that was killed leaves its ports after some seconds."""


def serve_on_ray(settings: ServiceSettings, where: ServiceAddress, execution: ExecutionSettings) -> None:
    """Serve on a Ray of this machine alone, or on a running one, until SIGTERM; SIGHUP reads models anew.

    Args:
        settings: of the service.
        where: interfaces and ports.
        execution: address of a running Ray; None starts one.
    """
    where.check_free(PORT_WAIT_S)
    address = execution.address
    if address is None:
        # Through the environment, so that a password in it stands in no argument that Ray keeps and shows.
        os.environ[LEDGER_VARIABLE] = settings.ledger_list().text()
        settings = settings.model_copy(update={"ledger": None, "ledgers": {}})
    console = error_console()
    stop, reread = Event(), Event()
    signal.signal(signal.SIGHUP, lambda *_: reread.set())
    try:
        _on_stop(_stop_starting)
        console.print(
            "starting      Ray, the gateway and the detectors: ten seconds, or more where much runs", highlight=False
        )
        _start_ray(address, settings, where)
        _run(settings, where, console, stop, reread)
    except KeyboardInterrupt:  # of `_stop_starting`
        console.print("stopped       before it served", highlight=False)


def _on_stop(call: Callable[[], None]) -> None:
    """Have SIGTERM and Ctrl-C call something."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: call())


def _stop_starting() -> None:
    _on_stop(lambda: None)  # what ends now is not to be cut short, too
    raise KeyboardInterrupt  # Ray's core passes no other exception on from where it waits


def _start_ray(address: str | None, settings: ServiceSettings, where: ServiceAddress) -> None:
    """Connect to a running Ray, or start one of this machine alone, that talks to nobody who has not its token."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_SERVE_GRPC_MAX_MESSAGE_SIZE", str(settings.limits.message_bytes))
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # glibc's arenas of many threads keep what a flood of calls took
    os.environ.setdefault(LIMITS_VARIABLE, settings.door.model_dump_json())
    if settings.front_secret_file:
        os.environ.setdefault(FRONT_VARIABLE, str(settings.front_secret_file))
    # Serve gives a proxy 5 s to start, and kills it over and over on a machine that is busy.
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
    if address is None:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        if os.environ["RAY_AUTH_MODE"] == "token":
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        os.environ[ADDRESS_VARIABLE] = where.grpc_address
        os.umask(0o077)  # of all that the service writes, nothing is for other accounts
    import ray  # noqa: PLC0415 - it reads the environment when it is imported

    needed = settings.gateways.cpus * settings.gateways.most
    needed += settings.detectors.cpus * settings.detectors.most * len(settings.models)
    local: dict[str, Any] = {
        "num_cpus": max(ceil(needed), os.cpu_count() or 1),
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_metrics_export_port": where.metrics.port if where.metrics else None,
        "include_dashboard": False,
        "runtime_env": {"worker_process_setup_hook": f"{listen_where_told.__module__}.{listen_where_told.__name__}"},
    }
    if address is None:
        local["_temp_dir"] = keep_local(metrics=where.metrics)
    with without_noise(), sigterm_kept(), start_told(address):
        ray.init(
            address=address or "local",
            namespace="serve",
            logging_level=logging.ERROR,
            log_to_driver=False,
            job_config=with_own_code_alone(),
            **(local if address is None else {}),
        )
        if address is None and where.metrics is not None:
            where.metrics.wait_for(_METRICS_S)  # a process that starts before gives up after some seconds, for good


def _run(
    settings: ServiceSettings,
    where: ServiceAddress,
    console: Console,
    stop: Event,
    reread: Event,
) -> None:
    import ray  # noqa: PLC0415
    from ray import serve  # noqa: PLC0415
    from ray.serve.config import HTTPOptions, ProxyLocation, gRPCOptions  # noqa: PLC0415

    from actors.application import build_app, reload_models, running_models  # noqa: PLC0415

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    in_peace = True
    try:
        with start_told(None):
            serve.start(
                proxy_location=ProxyLocation.HeadOnly if where.local else ProxyLocation.EveryNode,
                http_options=HTTPOptions(host=where.http_host, port=where.http_port),
                grpc_options=gRPCOptions(port=where.port, grpc_servicer_functions=[SERVICER], enable_reflection=False),
            )
        serve.run(build_app(settings), name=APPLICATION, route_prefix="/")
        _check_bound(where)
        running = {path: describe_bundle(path) for path in settings.models}
        for path, model in running_models(settings).items():
            named = running[path].startswith(model.model_id[:12])
            what = path if named else f"{model.model_id[:12]}, the registry's live one, and not {path},"
            console.print(f"model         {what} is computed by {model.engine}", highlight=False, markup=False)
        _on_stop(stop.set)
        for name, words in where.lines(settings, session_folder() / "logs/serve" if where.local else None).items():
            console.print(f"{name:<14}{words}", highlight=False, markup=False)
        while not stop.wait(_GLANCE_S):
            if reread.is_set():
                reread.clear()
                for line in reload_models(settings, running):
                    console.print(f"model         {line}", highlight=False, markup=False)
        console.print("stopping      streams resume where they are committed", highlight=False)
    except KeyboardInterrupt:
        in_peace = False  # nobody is served yet, and what only starts answers no request to end
        raise
    finally:
        with without_noise():
            if not where.local:
                serve.delete(APPLICATION)
            elif in_peace:
                serve.shutdown()  # type: ignore[no-untyped-call]
            ray.shutdown()


def _check_bound(where: ServiceAddress) -> None:
    """Raise RayppError if gRPC listens on all interfaces although it was told not to."""
    if where.local and where.is_loopback and listens_everywhere(where.port):
        raise RayppError(
            f"gRPC listens on all interfaces, not on {where.host} alone: this version of Ray cannot be told; "
            "install the one that raypp names (make setup)"
        )


def main() -> None:
    """Run the command as a program of its own."""
    run_job(serve_command, "serve", serve_on_ray)


if __name__ == "__main__":
    main()
