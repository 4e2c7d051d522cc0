"""The Serve application: a gateway deployment, a detector deployment for each model, and one that sends alerts."""

from pathlib import Path
from typing import Any, cast

import ray
from ray import serve
from ray.serve import Application, Deployment
from ray.serve.config import AutoscalingConfig
from ray.serve.exceptions import RayServeException

from actors.alerts import Alerts
from actors.detector import Detector, DetectorConfig
from actors.gateway import Gateway
from actors.shared_counts import CountsDeployment
from raypp.errors import RayppError
from raypp.ledger.placement import refuse_several_nodes
from raypp.serving.bundles import describe_bundle, models_by_veil
from raypp.serving.model import ServedModel
from raypp.serving.settings import APPLICATION, Scale, ServiceSettings

_DETECTIONS_WAITING = 4096
"""Blocks that wait at one detector's callers; each stream has three under way at most."""
_CALLS_WAITING = 256
_DRAIN_S = 5.0
"""Streams never drain by themselves: when a replica goes, its clients open anew elsewhere, and resume."""


def build_app(args: ServiceSettings) -> Application:
    """Build the application; for `raypp serve`, and for `import_path: actors.application:build_app` in a Serve config.

    Raises:
        OptionError: if two models read the same veil, or no ledger is named.
        ModelError: if a bundle cannot be read.
        LedgerError: for an embedded ledger on a cluster of several nodes.
    """
    if ray.is_initialized():
        nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        refuse_several_nodes(args.ledger_list().urls.values(), len(nodes))
    detectors: dict[str, Any] = {}
    for veil_id, path in models_by_veil(args.models).items():
        detectors[veil_id] = (
            _deployment(Detector)
            .options(
                name=detector_name(veil_id),
                user_config=DetectorConfig(model=path).model_dump(mode="json"),
                max_ongoing_requests=256,
                max_queued_requests=_DETECTIONS_WAITING,
                graceful_shutdown_timeout_s=_DRAIN_S,
                health_check_period_s=5,
                ray_actor_options={"num_cpus": args.detectors.cpus, "num_gpus": args.detectors.gpus},
                **_replicas(args.detectors),
            )
            .bind(args.detection.model_dump_json(), veil_id, args.named_home, args.log_format)
        )
    gateway = _deployment(Gateway).options(
        name="Gateway",
        max_ongoing_requests=args.streams_per_gateway,
        max_queued_requests=_CALLS_WAITING,
        graceful_shutdown_timeout_s=_DRAIN_S,
        graceful_shutdown_wait_loop_s=0.5,
        health_check_period_s=5,
        ray_actor_options={"num_cpus": args.gateways.cpus, "num_gpus": args.gateways.gpus},
        **_replicas(args.gateways),
    )
    alerts = None
    if args.alerts.channels:
        alerts = (
            _deployment(Alerts)
            .options(
                name="Alerts",
                num_replicas=1,
                graceful_shutdown_timeout_s=_DRAIN_S,
                health_check_period_s=5,
                ray_actor_options={"num_cpus": 0},
            )
            .bind(args.model_dump_json())
        )
    counts = None
    if args.gateways.most > 1:
        options = {"num_cpus": 0}
        counts = _deployment(CountsDeployment).options(name="Counts", ray_actor_options=options).bind()
    return gateway.bind(args.model_dump_json(), detectors, alerts, counts)


def detector_name(veil_id: str) -> str:
    """Name of the deployment that detects for a veil."""
    return f"Detector-{veil_id[:12]}"


def running_models(settings: ServiceSettings) -> dict[Path, ServedModel]:
    """Return what runs of each model of a service, by its file."""
    running: dict[Path, ServedModel] = {}
    for veil_id, path in models_by_veil(settings.models).items():
        handle = serve.get_deployment_handle(detector_name(veil_id), app_name=APPLICATION)
        running[path] = handle.describe.remote().result()
    return running


def reload_models(settings: ServiceSettings, running: dict[Path, str]) -> list[str]:
    """Have every detector read its model's file anew, while streams run; returns a line on each.

    Args:
        settings: of the service.
        running: by path, the model that runs, as `describe_bundle` has it; brought up to date here.
    """
    lines = []
    for path in settings.models:
        try:
            (veil_id,) = models_by_veil([path])
            handle = serve.get_deployment_handle(detector_name(veil_id), app_name=APPLICATION)
            refused = [why for why in handle.broadcast("reload", str(path)).results() if why]
            if refused:
                lines.append(refused[0])
                continue
            was, running[path] = running[path], describe_bundle(path)
            same = was == running[path]
            lines.append(f"{path} is read anew: " + (f"still {was}" if same else f"was {was}, is now {running[path]}"))
        except (RayppError, RayServeException) as error:
            lines.append(str(error))
    return lines


def _deployment(owner: type) -> Deployment:
    return cast("Deployment", serve.deployment(owner))


def _replicas(scale: Scale) -> dict[str, Any]:
    if scale.least == scale.most:
        return {"num_replicas": scale.least}
    return {
        "autoscaling_config": AutoscalingConfig(
            min_replicas=scale.least,
            max_replicas=scale.most,
            target_ongoing_requests=scale.target,
            upscale_delay_s=10,
            downscale_delay_s=300,  # a gateway that goes cuts its streams
        )
    }
