"""Lines of logs as JSON: one set of fields for every command, agent, gateway, detector and job."""

import json
import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from raypp.errors import OptionError
from raypp.io.tracing import are_wanted, current_trace_id
from raypp.text.address import redacted

FORMAT_VARIABLE = "RAYPP_LOG_FORMAT"
FIELDS = ("time", "level", "component", "message", "site", "camera", "stream", "host", "pid", "error")
"""Of each line, in this order; what does not apply is null."""
TRACE_FIELD = "trace_id"
"""Comes last, where the environment wants traces."""
_BEARER = re.compile(r"(?i)\b(bearer\s+)\S+")
_OWN_PREFIX = "raypp: "


class LogFormat(StrEnum):
    """How lines of logs are written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class LoggedStream:
    """The stream that lines are about.

    Attributes:
        site, camera: names.
        epoch: of the stream; None where none has begun.
    """

    site: str
    camera: str
    epoch: int | None = None

    @property
    def stream_id(self) -> str | None:
        """SITE/CAMERA@EPOCH, the same in the agent, the gateway and the ledger; None before a stream has begun."""
        return None if self.epoch is None else f"{self.site}/{self.camera}@{self.epoch}"


_STREAM: ContextVar[LoggedStream | None] = ContextVar("logged_stream", default=None)


def log_format() -> LogFormat:
    """Return the format that the environment names, or text; raises OptionError for another word."""
    word = os.environ.get(FORMAT_VARIABLE) or LogFormat.TEXT
    try:
        return LogFormat(word)
    except ValueError:
        raise OptionError(f"{FORMAT_VARIABLE} {word!r} is no format of logs; give {', '.join(LogFormat)}") from None


def bind_stream(stream: LoggedStream) -> None:
    """Have all further lines of this task, and of those that it starts, be about a stream."""
    _STREAM.set(stream)


@contextmanager
def about_stream(stream: LoggedStream) -> Iterator[None]:
    """Have the lines of a block be about a stream."""
    before = _STREAM.set(stream)
    try:
        yield
    finally:
        _STREAM.reset(before)


def json_line(component: str, message: str, level: str = "INFO", error: str | None = None, **about: Any) -> str:
    """Return one line of a log: an object with `FIELDS`, whose texts hold no password and no token.

    Args:
        component: what writes it, such as "veil" or "gateway".
        message: one line for people.
        level: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        error: the traceback of an exception, or None.
        about: `stream`, a LoggedStream, and `trace_id` where they are not those of this task, and `at`, seconds since
            1970, if not now.
    """
    stream: LoggedStream | None = about.get("stream", _STREAM.get())
    at = about.get("at")
    moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    trace_id = about.get("trace_id", current_trace_id())
    values = (
        moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        level,
        component,
        _shown(message.removeprefix(_OWN_PREFIX)),
        None if stream is None else stream.site,
        None if stream is None else stream.camera,
        None if stream is None else stream.stream_id,
        socket.gethostname(),
        os.getpid(),
        None if error is None else _shown(error),
    )
    line: dict[str, str | int | None] = dict(zip(FIELDS, values, strict=True))
    if are_wanted():
        line[TRACE_FIELD] = trace_id
    return json.dumps(line, ensure_ascii=False)


def _shown(text: str) -> str:
    return _BEARER.sub(r"\1...", redacted(text))


class JsonFormatter(logging.Formatter):
    """Formats records of Python's logging as `json_line` does.

    Args:
        component: what writes them.
    """

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        error = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else None
        message = record.getMessage()
        of_task = {"stream": getattr(record, "logged_stream", None), "trace_id": getattr(record, "trace_id", None)}
        return json_line(self._component, message, record.levelname, error, at=record.created, **of_task)


class _RememberStream(logging.Filter):
    """Notes of each record which stream and trace it is of: a buffering handler formats it later, in another task."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let each record pass."""
        record.logged_stream = _STREAM.get()
        record.trace_id = current_trace_id()
        return True


def write_json_logs(logger: logging.Logger, component: str) -> None:
    """Have the handlers that a logger has, and those that they pass records on to, write JSON lines."""
    logger.addFilter(_RememberStream())
    for handler in logger.handlers:
        target = getattr(handler, "target", None) or handler
        target.setFormatter(JsonFormatter(component))
