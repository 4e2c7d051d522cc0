"""The `raypp serve` command."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raypp.cli.options import RayAddress
from raypp.detect.engines.name import Engine, require_engine
from raypp.errors import ContentError, OptionError
from raypp.execution import ExecutionSettings, Executor, On, on_ray
from raypp.serving.defaults import LEDGER_VARIABLE, LOOPBACK

if TYPE_CHECKING:
    from raypp.serving.service_address import ServiceAddress
    from raypp.serving.settings import ServiceSettings

    ServiceExecutor = Executor[[ServiceSettings, ServiceAddress], None]
    """Serves until a signal ends it."""


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
        int | None, typer.Option(help="Port of Prometheus metrics (default: none are exported).")
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(help="Interface of metrics; other than loopback, it needs --metrics-token-file.")
    ] = LOOPBACK,
    metrics_token_file: Annotated[
        Path | None, typer.Option(help="File with the token that whoever reads metrics must send (default: none).")
    ] = None,
    metrics_certificate: Annotated[
        Path | None, typer.Option(help="PEM certificate for metrics over TLS (default: no TLS).")
    ] = None,
    metrics_key: Annotated[Path | None, typer.Option(help="PEM key of --metrics-certificate.")] = None,
    front_secret_file: Annotated[
        Path | None, typer.Option(help="File with the secret that the TLS front adds; without, calls need none.")
    ] = None,
    source_url: Annotated[
        str | None, typer.Option(help="Where the source of this service is: its pages name it, as AGPL-3.0 asks.")
    ] = None,
    confidence: Annotated[float | None, typer.Option(help="Least confidence of detections (default: 0.1).")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each detector (default: all CPUs).")] = None,
    engine: Annotated[
        Engine | None,
        typer.Option(help="What computes (default: auto, which is torch on a GPU and onnxruntime on a CPU)."),
    ] = None,
    address: RayAddress = None,
) -> None:
    """Serve detectors to sites over gRPC, and keep what they find in a ledger, until SIGTERM.

    SIGHUP reads models anew.

    Example: raypp serve --model tools.model --ledger sqlite:///ledger.db
    """
    from raypp.alerts.opening import open_channels
    from raypp.io.tracing import check as check_tracing
    from raypp.ledger.known_ledgers import KnownLedgers
    from raypp.ledger.ledgers import Ledgers
    from raypp.serving.access import read_front_secret
    from raypp.serving.bundles import models_by_veil
    from raypp.serving.metrics_address import MetricsAddress
    from raypp.serving.service_address import ServiceAddress

    options: dict[str, Any] = {
        "models": [path.absolute() for path in model or ()],
        "ledger": ledger,
        "source_url": source_url,
        "front_secret_file": front_secret_file.absolute() if front_secret_file else None,
    }
    defaults = {"threads": os.cpu_count() or 1} if address is None else {}
    detection = {"confidence": confidence, "threads": threads, "engine": engine}
    settings = _settings(settings_file, options, defaults, detection)
    if address is None:
        require_engine(settings.detection.engine)
    access = {"token_file": metrics_token_file, "certificate": metrics_certificate, "key": metrics_key}
    files = {name: path.absolute() for name, path in access.items() if path}
    if metrics_port is None and (files or metrics_host != LOOPBACK):
        raise OptionError("`metrics_port` is missing: no metrics are exported; give one, or no other option of metrics")
    metrics = None if metrics_port is None else MetricsAddress(metrics_port, metrics_host, **files)
    where = ServiceAddress(host, port, http_host, http_port, metrics, local=address is None)
    where.check(settings)
    check_tracing()
    models_by_veil(settings.models)
    Ledgers.open(
        settings.ledger_list(), known=KnownLedgers.of_account()
    ).close()  # says what is wrong with it before anything starts
    if settings.front_secret_file:
        read_front_secret(settings.front_secret_file)
    if address is None:
        open_channels(settings.alerts)  # likewise
    serve_on: ServiceExecutor = on_ray("serve", ExecutionSettings(on=On.RAY, address=address))
    serve_on(settings, where)


def _settings(
    file: Path | None, options: dict[str, Any], defaults: dict[str, int], detection: dict[str, Any]
) -> "ServiceSettings":
    """Merge what a file says with what options say, of the service and of detection; the latter win."""
    from pydantic import ValidationError

    from raypp.io.content import read_content
    from raypp.io.problems import joined, problems
    from raypp.io.yaml import MOST_BYTES, read_yaml
    from raypp.serving.settings import ServiceSettings

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
