"""Spans of OpenTelemetry; nothing of it is imported unless the standard's variables name a receiver.

A span holds names and counts alone: no code, no token, and of an error its type, not its words.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from raypp.errors import OptionError

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOL_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NAME_VARIABLE = "OTEL_SERVICE_NAME"
_EXPORTER = "opentelemetry.exporter.otlp.proto.grpc"
_NEEDED = ("opentelemetry.sdk", _EXPORTER)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_FLUSH_S = 1.0

Attributes = Mapping[str, str | int]


class SpanKind(Enum):
    """Say which side of a call a span is of."""

    CLIENT = "CLIENT"
    SERVER = "SERVER"


_tracer: Any = None
"""What makes spans; None while traces are off."""
_provider: Any = None


def are_wanted() -> bool:
    """Whether the environment names a receiver, and neither switches traces off."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    is_off = is_off or (os.environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp") != "otlp"
    return not is_off and _first(ENDPOINT_VARIABLES) is not None


def check() -> None:
    """Raise OptionError if traces are wanted, and cannot be sent."""
    if not are_wanted():
        return
    name = _first(ENDPOINT_VARIABLES)
    if not all(_is_installed(package) for package in _NEEDED):
        raise OptionError(
            f"{name} is set, but traces need an extra: pip install 'raypp[otel]', or set OTEL_TRACES_EXPORTER=none"
        )
    variable = _first(_PROTOCOL_VARIABLES)
    if variable is not None and os.environ[variable] != "grpc":
        raise OptionError(
            f"{variable} {os.environ[variable]!r} is not spoken; give grpc, and the receiver's port of it, often 4317"
        )


def start(component: str) -> None:
    """Send the spans of this process from now on, where the environment wants that.

    Args:
        component: such as "gateway"; it names the scope of spans and, without OTEL_SERVICE_NAME, the service.

    Raises:
        OptionError: as `check`.
    """
    global _tracer, _provider  # noqa: PLW0603 - one for each process
    if _tracer is not None or not are_wanted():
        return
    check()
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = {} if os.environ.get(_NAME_VARIABLE) else {"service.name": f"raypp-{component}"}
    _provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer(f"raypp.{component}")


def flush() -> None:
    """Send what has ended; waits for a second at most."""
    if _provider is not None:
        _within_a_second(_provider.force_flush)


def stop() -> None:
    """Send what has ended, and be off; waits for two seconds at most."""
    global _tracer, _provider  # noqa: PLW0603
    if _provider is not None:
        flush()
        _within_a_second(_provider.shutdown)
    _tracer = _provider = None


def _within_a_second(call: Callable[[], Any]) -> None:
    """Call, and go on after a second: OpenTelemetry tries a receiver that is away for half a minute and longer."""
    thread = threading.Thread(target=call, daemon=True, name="traces")
    thread.start()
    thread.join(_FLUSH_S)


def is_on() -> bool:
    """Whether spans are sent."""
    return _tracer is not None


class TraceSpan:
    """A span under way; of no effect where traces are off.

    With `with` it is current within the block, which ends it: spans and lines of a log within belong to it.

    Args:
        span: OpenTelemetry's own; None where traces are off.
    """

    __slots__ = ("_span", "_token")

    def __init__(self, span: Any = None) -> None:
        self._span = span
        self._token: Any = None

    @property
    def traceparent(self) -> str:
        """Its context as W3C Trace Context has it; empty where traces are off."""
        return "" if self._span is None else _written(self._span.get_span_context())

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def event(self, name: str) -> None:
        """Note that something happened now."""
        if self._span is not None:
            self._span.add_event(name)

    def bind(self) -> None:
        """Make it current in this task, and in those that it starts, for good."""
        if self._span is not None:
            _attach(self._span)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make it current within a block; it goes on behind it."""
        token = None if self._span is None else _attach(self._span)
        try:
            yield
        finally:
            if token is not None:
                _detach(token)

    def end(self, error_type: str | None = None) -> None:
        """End it; name what it failed with, if it did."""
        if self._span is None:
            return
        if error_type is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

            self._span.set_attribute("error.type", error_type)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def __enter__(self) -> Self:
        if self._span is not None:
            self._token = _attach(self._span)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._span is not None:
            _detach(self._token)
            self.end(_type_of(error) if isinstance(error, Exception) else None)


_OFF = TraceSpan()


def begin(name: str, kind: SpanKind, attributes: Attributes, parent: str = "") -> TraceSpan:
    """Begin a span of a trace of another process, or of a new one; it links to the current span.

    Args:
        name: of few values.
        kind: which side of a call it is.
        attributes: names and counts.
        parent: traceparent of the span that it is part of; empty, or not well-formed, for a new trace.
    """
    if _tracer is None:
        return _OFF
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import Link, NonRecordingSpan, set_span_in_context  # noqa: PLC0415

    current, context = _current_context(), Context()
    remote = _read(parent)
    if remote is not None:
        context = set_span_in_context(NonRecordingSpan(remote), context)
    links = [Link(current)] if current.is_valid else []
    return TraceSpan(_tracer.start_span(name, context, _kind(kind), attributes, links))


def child(name: str, kind: SpanKind, attributes: Attributes) -> TraceSpan:
    """Begin a span that is part of the current one; of no effect where there is none."""
    if _tracer is None or not _current_context().is_valid:
        return _OFF
    return TraceSpan(_tracer.start_span(name, None, _kind(kind), attributes))


def current_event(name: str) -> None:
    """Note at the current span that something happened now."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span  # noqa: PLC0415

        get_current_span().add_event(name)


def current_traceparent() -> str:
    """W3C Trace Context of the current span; empty where there is none."""
    if _tracer is None:
        return ""
    current = _current_context()
    return _written(current) if current.is_valid else ""


def current_trace_id() -> str | None:
    """32 hex digits; None where no span is current."""
    return current_traceparent()[3:35] or None


def _first(variables: tuple[str, ...]) -> str | None:
    return next((name for name in variables if os.environ.get(name)), None)


def _type_of(error: Exception) -> str:
    """Name what kind of error it is: of gRPC's, its status."""
    code = getattr(error, "code", None)
    return str(getattr(code() if callable(code) else None, "name", type(error).__name__))


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package that it is in is not there
        return False


def _current_context() -> Any:
    from opentelemetry.trace import get_current_span  # noqa: PLC0415

    return get_current_span().get_span_context()


def _attach(span: Any) -> Any:
    from opentelemetry.context import attach  # noqa: PLC0415
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

    return attach(set_span_in_context(span))


def _detach(token: Any) -> None:
    from opentelemetry.context import detach  # noqa: PLC0415

    detach(token)


def _kind(kind: SpanKind) -> Any:
    from opentelemetry import trace  # noqa: PLC0415

    return trace.SpanKind[kind.value]


def _written(context: Any) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _read(traceparent: str) -> Any:
    """Context of another process's span; None for what is not well-formed."""
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415

    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    trace_id, span_id, flags = (int(digits, 16) for digits in match.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
