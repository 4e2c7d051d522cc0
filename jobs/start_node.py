"""Start a node of Ray as `ray start` does, whose metrics only those can read that the operator lets in.

It starts on a machine that is busy, too, where one of `ray start` ends: see `jobs.agent_ports`.

Example:
    RAYPP_METRICS_TOKEN_FILE=/secrets/metrics.token RAYPP_METRICS_HOST=0.0.0.0 \
        python -m jobs.start_node --head --metrics-export-port 9464
"""

import argparse
import os
import re
import sys
from pathlib import Path

from actors.exporter import CERTIFICATE_VARIABLE, HOST_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE
from jobs.agent_ports import with_agent_ports
from jobs.exporters import export_at
from raypp.cli.exit_codes import ExitCode
from raypp.errors import RayppError
from raypp.serving.defaults import LOOPBACK
from raypp.serving.metrics_address import MetricsAddress


def prepare(arguments: list[str]) -> None:
    """Have the node that is started next export metrics where the environment says, or nowhere without a port.

    Args:
        arguments: those of `ray start`.

    Raises:
        OptionError: if what the environment says cannot be, or lets anybody in.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--metrics-export-port", type=int)
    port = parser.parse_known_args(arguments)[0].metrics_export_port
    if port is None:
        os.environ["RAY_enable_metrics_collection"] = "0"  # noqa: SIM112 - Ray spells it so
    metrics = MetricsAddress(
        port or 0,
        os.environ.get(HOST_VARIABLE) or LOOPBACK,
        *(Path(os.environ[name]).absolute() if os.environ.get(name) else None for name in _FILES),
    )
    metrics.check()
    export_at(metrics)


_FILES = (TOKEN_VARIABLE, CERTIFICATE_VARIABLE, KEY_VARIABLE)


def main() -> None:
    """Start the node."""
    try:
        prepare(sys.argv[1:])
    except RayppError as error:
        words = re.sub("`metrics_(\\w+)`", lambda field: f"RAYPP_METRICS_{field[1].upper()}", str(error))
        sys.stderr.write(f"start_node: {words}\n")
        sys.exit(ExitCode.FAILED)
    from ray.scripts.scripts import start  # noqa: PLC0415 - it reads the environment when it is imported

    start.main(with_agent_ports(sys.argv[1:]), prog_name="python -m jobs.start_node")


if __name__ == "__main__":
    main()
