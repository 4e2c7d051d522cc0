"""Logs of a replica of the service."""

import logging

from raypp.io.log_record import LogFormat, write_json_logs


def structure_logs(log_format: LogFormat, component: str) -> None:
    """Have a replica's own lines, and Serve's about its calls, be JSON where that is wanted.

    Lines of what sends traces, and of ledgers that do not answer, are among them.
    """
    for name in ("opentelemetry", "raypp.ledger"):
        logging.getLogger(name).parent = logging.getLogger("ray.serve")
    if log_format is LogFormat.JSON:
        write_json_logs(logging.getLogger("ray.serve"), component)
