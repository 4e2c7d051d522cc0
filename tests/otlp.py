"""A receiver of traces, as OpenTelemetry's collector is one: a real gRPC server of OTLP."""

import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as messages
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as services
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class Received:
    """A span that was received."""

    service: str
    scope: str
    span: Span

    @property
    def name(self) -> str:
        return str(self.span.name)

    @property
    def is_error(self) -> bool:
        return bool(self.span.status.code == Status.STATUS_CODE_ERROR)

    @property
    def attributes(self) -> dict[str, Any]:
        return _values(self.span.attributes)


class Receiver(services.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Received] = []
        self.bytes = b""
        self.port = 0

    def Export(self, request: Any, _context: object) -> Any:  # noqa: N802 - the contract's name
        with self._lock:
            self.bytes += request.SerializeToString()
            for part in request.resource_spans:
                service = str(_values(part.resource.attributes)["service.name"])
                for scoped in part.scope_spans:
                    self._spans += [Received(service, scoped.scope.name, span) for span in scoped.spans]
        return messages.ExportTraceServiceResponse()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that have a program send its spans here, at once."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}", "OTEL_BSP_SCHEDULE_DELAY": "100"}

    @property
    def spans(self) -> list[Received]:
        with self._lock:
            return list(self._spans)

    def named(self, name: str, within_s: float = 30, count: int = 1) -> list[Received]:
        """Spans of a name, by their beginning, once there are so many."""
        deadline = time.monotonic() + within_s
        while True:
            spans = sorted((each for each in self.spans if each.name == name), key=_began)
            if len(spans) >= count:
                return spans
            assert time.monotonic() < deadline, (name, len(spans), sorted({each.name for each in self.spans}))
            time.sleep(0.05)

    def children(self, parent: Received, name: str, within_s: float = 30) -> list[Received]:
        """Children of a span that have a name, once there is one."""
        of_parent = parent.span.span_id
        deadline = time.monotonic() + within_s
        while not (spans := [each for each in self.named(name) if each.span.parent_span_id == of_parent]):
            assert time.monotonic() < deadline, (name, parent)
            time.sleep(0.05)
        return spans


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    services.add_TraceServiceServicer_to_server(receiver, server)
    receiver.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield receiver
    finally:
        server.stop(None).wait()


def _began(received: Received) -> int:
    return int(received.span.start_time_unix_nano)


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
