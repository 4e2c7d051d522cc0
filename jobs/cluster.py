"""Reaching a Ray cluster, or starting a local one, quietly and without reporting to anyone."""

import atexit
import json
import logging
import os
from pathlib import Path
from typing import Any

import ray
from ray.data import DataContext

from jobs.local_ray import keep_local, with_own_code_alone, without_noise
from jobs.starting import sigterm_kept, start_told
from raypp.errors import KeyFileError
from raypp.veil.keyfile import LOSS_REMEDIES, find_key_files, kind_of

_OBJECT_STORE_BYTES = 256 << 20
"""Only segments and receipts pass through the object store of a local Ray, never frames."""


def connect(address: str | None, *, pools: bool = False) -> None:
    """Connect to a running Ray (by address, or the one a submitted job runs in), or start a local one.

    Args:
        address: the running Ray; None for the job's own, or a local one.
        pools: whether pools of actors will be started, of which Ray's core tells when some end.

    Raises:
        RayppError: if no Ray answers at the address, or a local one does not start.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not ray.is_initialized():
        existing = address or os.environ.get("RAY_ADDRESS")
        if pools and not existing:
            # For each actor of a pool Ray prints that its constructor's arguments may be lost (ray-project/ray#53727),
            # which no user of raypp can act on. Only for pools: Ray tells of this setting, too, in one line.
            os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        local: dict[str, Any] = {}
        if not existing:
            local = {"object_store_memory": _OBJECT_STORE_BYTES, "_temp_dir": keep_local()}
        with without_noise(), sigterm_kept(), start_told(existing):
            ray.init(
                address=existing or "local",  # never one that happens to run here
                include_dashboard=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
                job_config=with_own_code_alone(),
                **local,
            )
        if not existing:
            atexit.register(_end)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_no_progress_timeout_s = -1  # one segment may rightly take longer than any fixed time
    context.issue_detectors_config.detectors = []
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # its errors are raised too, and told in one line


def is_local() -> bool:
    """Whether this process is connected to a Ray that it started, and that ends with it."""
    node: Any = ray._private.worker._global_node  # noqa: SLF001 - it is told nowhere else
    return node is not None and bool(node.head)


def _end() -> None:
    """End a local Ray before Ray's own handler does, so that what it says of it is kept back."""
    with without_noise():
        ray.shutdown()


def refuse_key_in_working_dir() -> None:
    """Raise KeyFileError if this is a submitted job whose uploaded working directory holds a raypp key."""
    config = json.loads(os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR") or "{}")
    if "working_dir" not in (config.get("runtime_env") or {}):
        return
    key_files = find_key_files(Path.cwd())
    if key_files:
        remedies = "; ".join(f"{path.relative_to(Path.cwd())} is {_remedy(path)}" for path in key_files)
        raise KeyFileError(
            f"the submitted working directory holds key files, which Ray has now stored, and so they are lost: "
            f"{remedies}. Keep keys outside, and name them by RAYPP_KEY_FILE or `key_path`"
        )


def _remedy(path: Path) -> str:
    kind = kind_of(path)
    return LOSS_REMEDIES[kind] if kind else "gone meanwhile"
