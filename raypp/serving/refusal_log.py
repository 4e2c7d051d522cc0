"""Refusals in logs: one line each at most, and no traceback, since none is a failure of the service."""

import logging
from collections import Counter

_EVERY_S = 60.0
_STREAM_IS_OVER = "Error receiving gRPC message for session"
"""Words of Serve's proxy, besides its access log, when a refused client still sends."""


def quiet_refusals(log: logging.Logger) -> None:
    """Have a logger leave out the tracebacks that Serve writes of refused calls; its access log tells of each."""
    if not any(isinstance(log_filter, _NoRefusals) for log_filter in log.filters):
        log.addFilter(_NoRefusals())


class _NoRefusals(logging.Filter):
    """Leaves out records whose exception bears a gRPC status that the gateway has set, and those of refused streams."""

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_STREAM_IS_OVER):
            return False
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return getattr(error, "grpc_code", None) is None


class RefusalLog:
    """Counts refusals that are written nowhere else, and tells of them once a minute; used from one thread.

    Args:
        log: takes the lines.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._counts: Counter[str] = Counter()
        self._told_s: float | None = None

    def note(self, kind: str, example: str, now_s: float) -> None:
        """Count a refusal.

        Args:
            kind: what is counted together, such as the name of a status.
            example: what this one was told, in one line; the line of the log quotes it.
            now_s: monotonic time.
        """
        self._counts[kind] += 1
        if self._told_s is not None and now_s - self._told_s < _EVERY_S:
            return
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(self._counts.items()))
        self._log.warning("raypp: calls refused since the last such line: %s; the latest: %s", counts, example)
        self._counts.clear()
        self._told_s = now_s
