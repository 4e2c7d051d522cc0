"""Have the Ray that this process starts export metrics where and to whom it is told."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import actors
from actors.exporter import CERTIFICATE_VARIABLE, HOST_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE
from raypp.serving.metrics_address import MetricsAddress

EXPORTER = str(Path(actors.__file__).parent / "exporter.py")
_PROGRAMS = (
    "dashboard/agent.py",
    "dashboard/dashboard.py",
    "autoscaler/_private/monitor.py",
    "autoscaler/v2/monitor.py",
)
"""Programs of Ray's that export metrics."""


def export_at(metrics: MetricsAddress) -> None:
    """Have the Ray that this process starts next export metrics at an address alone, and to whom it says."""
    values = {
        HOST_VARIABLE: metrics.host,
        TOKEN_VARIABLE: metrics.token_file,
        CERTIFICATE_VARIABLE: metrics.certificate,
        KEY_VARIABLE: metrics.key,
    }
    for name, value in values.items():
        os.environ.pop(name, None)  # what the shell has of an earlier service would hold for this one
        if value:
            os.environ[name] = str(value)
    export_where_told()


def export_where_told() -> None:
    """Have `EXPORTER` run those of Ray's programs that export metrics, which it does as its variables say."""
    from ray._private import services  # noqa: PLC0415 - Ray reads the environment when it is imported

    programs = [str(Path(services.RAY_PATH) / name) for name in _PROGRAMS]
    start: Callable[..., Any] = services.start_ray_process

    def start_told(command: list[str], *arguments: Any, **options: Any) -> Any:
        return start([*through_exporter(command, programs)], *arguments, **options)

    services.start_ray_process = start_told


def through_exporter(command: list[str], programs: list[str]) -> list[str]:
    """Return a command with `EXPORTER` before each of the programs, in it or in a command that it passes on."""
    changed: list[str] = []
    for argument in command:
        changed += [EXPORTER, argument] if argument in programs else [_with_exporter(argument, programs)]
    return changed


def _with_exporter(argument: str, programs: list[str]) -> str:
    """Put `EXPORTER` before the programs in a command that is one argument of another, such as raylet's."""
    for program in programs:
        both = subprocess.list2cmdline([EXPORTER, program])
        argument = argument.replace(subprocess.list2cmdline([program]), both)
    return argument
