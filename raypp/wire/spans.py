"""Spans of calls of the contract, and of the chunks of a stream, as OpenTelemetry's conventions for RPC name them."""

from raypp.io.log_record import LoggedStream
from raypp.io.tracing import Attributes, SpanKind, TraceSpan, begin, is_on

HEADER = "traceparent"
STREAM_FRAMES = "StreamFrames"
_SERVICE = "raypp.v1.Sites"


def begin_call(method: str, kind: SpanKind, parent: str = "", attributes: Attributes | None = None) -> TraceSpan:
    """Begin the span of one call of `raypp.v1.Sites`.

    Args:
        method: such as "DescribeModel".
        kind: the agent's side or the gateway's.
        parent: the call's `traceparent`.
        attributes: further ones.
    """
    name = f"{_SERVICE}/{method}"
    return begin(name, kind, {"rpc.system.name": "grpc", "rpc.method": name, **(attributes or {})}, parent)


def about(stream: LoggedStream) -> dict[str, str]:
    """Return the attributes that name a stream, as lines of the logs do."""
    names = {"raypp.site": stream.site, "raypp.camera": stream.camera}
    return names if stream.stream_id is None else {**names, "raypp.stream": stream.stream_id}


class ChunkSpans:
    """Spans of the chunks under way on one connection, each of a trace of its own.

    Args:
        name: of each.
        kind: the agent's side or the gateway's.
        stream: whose chunks they are.
    """

    def __init__(self, name: str, kind: SpanKind, stream: LoggedStream) -> None:
        self._name, self._kind = name, kind
        self._attributes = {"rpc.system.name": "grpc", "rpc.method": f"{_SERVICE}/{STREAM_FRAMES}", **about(stream)}
        self._open: dict[int, TraceSpan] = {}

    def begin(self, sequence: int, parent: str = "") -> TraceSpan:
        """Begin the span of a chunk.

        Args:
            sequence: its number.
            parent: traceparent that came with it.
        """
        if not is_on():
            return TraceSpan()
        span = begin(self._name, self._kind, {**self._attributes, "raypp.chunk": sequence}, parent)
        self._open[sequence] = span
        return span

    def end(self, sequence: int) -> None:
        """End the spans of all chunks up to one."""
        for number in [number for number in self._open if number <= sequence]:
            self._open.pop(number).end()

    def close(self, error_type: str) -> None:
        """End those that are left: their connection is over."""
        for span in self._open.values():
            span.end(error_type)
        self._open.clear()
