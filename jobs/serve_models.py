"""Serve detectors to sites on this machine, or on a running Ray: Gateway and Detector deployments, until told to stop.

Example:
    raypp serve --model tools.model --ledger sqlite:///ledger.db --front-secret-file front.secret
"""

import logging
import os
import secrets
import signal
from math import ceil
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from actors.listening import ADDRESS_VARIABLE, LOOPBACK, listen_where_told
from jobs.local_ray import keep_local, session_folder, with_own_code_alone, without_noise
from jobs.service_address import ServiceAddress
from jobs.starting import start_told
from raypp.cli.app import run_command
from raypp.cli.options import RayAddress
from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.problems import joined, problems
from raypp.io.yaml import MOST_BYTES, read_yaml
from raypp.ledger.store import Ledger
from raypp.serving.access import read_front_secret
from raypp.serving.bundles import describe_bundle, models_by_veil
from raypp.serving.door import FRONT_VARIABLE, LIMITS_VARIABLE, SERVICER
from raypp.serving.settings import APPLICATION, LEDGER_VARIABLE, ServiceSettings

_OBJECT_STORE_BYTES = 256 << 20
"""Codes of the chunks under way pass through it."""
_GLANCE_S = 1.0


def serve(
    model: Annotated[
        list[Path] | None, typer.Option(help="A bundle of `raypp export`; repeat for further veils.")
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(help=f"URL of the ledger (default: {LEDGER_VARIABLE}): sqlite:///PATH, postgresql+psycopg://..."),
    ] = None,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="YAML with further settings, as `args` in cluster/serve.yaml.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of gRPC, without TLS: put the front before it.")] = 9000,
    host: Annotated[
        str, typer.Option(help="Interface of gRPC; other than loopback, it needs --front-secret-file.")
    ] = LOOPBACK,
    http_port: Annotated[int, typer.Option(help="Port of the read-only pages and of /-/healthz.")] = 8000,
    http_host: Annotated[str, typer.Option(help="Interface of the pages.")] = LOOPBACK,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port of Prometheus metrics, on loopback (default: none are exported).")
    ] = None,
    front_secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret that the TLS front adds; without, calls need none.")
    ] = None,
    source_url: Annotated[
        str | None, typer.Option(help="Where the source of this service is: its pages name it, as AGPL-3.0 asks.")
    ] = None,
    confidence: Annotated[float | None, typer.Option(help="Least confidence of detections (default: 0.1).")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each detector (default: all CPUs).")] = None,
    address: RayAddress = None,
) -> None:
    """Serve detectors to sites over gRPC, and keep what they find in a ledger, until SIGTERM; SIGHUP reads models anew.

    Example: raypp serve --model tools.model --ledger sqlite:///ledger.db
    """
    options: dict[str, Any] = {
        "models": [path.absolute() for path in model or ()],
        "ledger": ledger,
        "source_url": source_url,
        "front_secret_file": front_secret_file.absolute() if front_secret_file else None,
    }
    defaults = {"threads": os.cpu_count() or 1} if address is None else {}
    settings = _settings(settings_file, options, defaults, {"confidence": confidence, "threads": threads})
    where = ServiceAddress(host, port, http_host, http_port, metrics_port, local=address is None)
    where.check(settings)
    models_by_veil(settings.models)
    Ledger.open(settings.ledger_url()).close()  # says what is wrong with it before anything starts
    if settings.front_secret_file:
        read_front_secret(settings.front_secret_file)
    if address is None:
        # Through the environment, so that a password in it stands in no argument that Ray keeps and shows.
        os.environ[LEDGER_VARIABLE] = settings.ledger_url()
        settings = settings.model_copy(update={"ledger": None})
    console = Console(stderr=True, soft_wrap=True)
    stop, reread = Event(), Event()
    _on_signals(stop, reread)
    console.print(
        "starting      Ray, the gateway and the detectors: ten seconds, or more where much runs", highlight=False
    )
    _start_ray(address, settings, where)
    _on_signals(stop, reread)  # again: Ray has put its own in their place
    _run(settings, where, console, stop, reread)


def _settings(
    file: Path | None, options: dict[str, Any], defaults: dict[str, int], detection: dict[str, Any]
) -> ServiceSettings:
    """Merge what a file says with what options say, of the service and of detection; the latter win."""
    document: Any = {}
    if file is not None:
        try:
            document = read_yaml(read_content(file, MOST_BYTES)) or {}
        except ContentError as error:
            raise OptionError(f"settings {file} {error}; see cluster/serve.yaml for the form") from None
        if not isinstance(document, dict):
            raise OptionError(f"settings {file} must map names to values, as `args` in cluster/serve.yaml")
    document |= {name: value for name, value in options.items() if value}
    own = document.get("detection", {})
    if not isinstance(own, dict):
        raise OptionError(f"settings {file}: detection must map names to values, as `args` in cluster/serve.yaml")
    document["detection"] = defaults | own | {name: value for name, value in detection.items() if value is not None}
    try:
        return ServiceSettings.model_validate(document)
    except ValidationError as error:
        if any(fault["loc"] == ("models",) for fault in error.errors()):
            raise OptionError("the service needs a model; give --model FILE, a bundle of `raypp export`") from None
        reasons = problems(error, ServiceSettings, document)
        raise OptionError(joined("settings of the service", reasons, "see cluster/serve.yaml for the form")) from None


def _on_signals(stop: Event, reread: Event) -> None:
    def note(event: Event) -> Any:
        def handler(_number: int, _frame: FrameType | None) -> None:
            event.set()

        return handler

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note(stop))
    signal.signal(signal.SIGHUP, note(reread))


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
        "_metrics_export_port": where.metrics_port,
        "include_dashboard": False,
        "runtime_env": {"worker_process_setup_hook": f"{listen_where_told.__module__}.{listen_where_told.__name__}"},
    }
    if address is None:
        local["_temp_dir"] = keep_local(metrics=where.metrics_port is not None)
    with without_noise(), start_told(address):
        ray.init(
            address=address or "local",
            namespace="serve",
            logging_level=logging.ERROR,
            log_to_driver=False,
            job_config=with_own_code_alone(),
            **(local if address is None else {}),
        )


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

    from actors.application import build_app, reload_models  # noqa: PLC0415

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    try:
        serve.start(
            proxy_location=ProxyLocation.HeadOnly if where.local else ProxyLocation.EveryNode,
            http_options=HTTPOptions(host=where.http_host, port=where.http_port),
            grpc_options=gRPCOptions(port=where.port, grpc_servicer_functions=[SERVICER], enable_reflection=False),
        )
        serve.run(build_app(settings), name=APPLICATION, route_prefix="/")
        where.check_bound()
        running = {path: describe_bundle(path) for path in settings.models}
        for name, words in where.lines(settings, session_folder() / "logs/serve" if where.local else None).items():
            console.print(f"{name:<14}{words}", highlight=False, markup=False)
        while not stop.wait(_GLANCE_S):
            if reread.is_set():
                reread.clear()
                for line in reload_models(settings, running):
                    console.print(f"model         {line}", highlight=False, markup=False)
        console.print("stopping      streams resume where they are committed", highlight=False)
    finally:
        with without_noise():
            if where.local:
                serve.shutdown()  # type: ignore[no-untyped-call]
            else:
                serve.delete(APPLICATION)
            ray.shutdown()


def main() -> None:
    """Run the command as a program of its own."""
    run_command(serve)


if __name__ == "__main__":
    main()
