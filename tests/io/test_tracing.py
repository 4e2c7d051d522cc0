"""Traces are off, and cost no import, unless the standard's variables name a receiver."""

import subprocess
import sys

import pytest

from raypp.errors import OptionError
from raypp.io import tracing
from tests.command import environment

_ENDPOINT, _OF_TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_AT = "http://127.0.0.1:4317"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (_ENDPOINT, _OF_TRACES, "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({_ENDPOINT: ""}, False),
        ({_ENDPOINT: _AT}, True),
        ({_OF_TRACES: _AT}, True),
        ({_ENDPOINT: _AT, "OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({_ENDPOINT: _AT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({_ENDPOINT: _AT, "OTEL_SDK_DISABLED": "True"}, False),
    ],
)
def test_the_standards_variables_decide(
    variables: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing.are_wanted() is wanted


def test_another_protocol_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_ENDPOINT, _AT)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    with pytest.raises(OptionError, match="OTEL_EXPORTER_OTLP_PROTOCOL 'http/protobuf' is not spoken; give grpc"):
        tracing.start("agent")
    assert not tracing.is_on()


def test_where_the_extra_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_ENDPOINT, _AT)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc", None)
    with pytest.raises(OptionError, match=r"OTEL_EXPORTER_OTLP_ENDPOINT is set, but .* pip install 'raypp\[otel\]'"):
        tracing.check()


def test_what_is_off_imports_nothing_and_does_nothing() -> None:
    program = """
import sys
from raypp.edge.agent import Agent
from raypp.io import tracing
from raypp.wire.spans import begin_call

tracing.start("agent")
with begin_call("StreamFrames", tracing.SpanKind.CLIENT) as span, span.active():
    span.set({"a": 1})
    span.event("b")
    assert span.traceparent == tracing.current_traceparent() == ""
    assert tracing.current_trace_id() is None
    tracing.child("c", tracing.SpanKind.CLIENT, {}).end()
tracing.flush()
tracing.stop()
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_receiver_that_is_away_holds_up_no_end() -> None:
    program = """
import time
from raypp.io import tracing

tracing.start("agent")
for number in range(600):
    tracing.child("c", tracing.SpanKind.CLIENT, {}).end()
began = time.monotonic()
tracing.stop()
print(time.monotonic() - began < 5, tracing.is_on())
"""
    away = environment() | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://192.0.2.1:4317", "OTEL_EXPORTER_OTLP_TIMEOUT": "60"}
    call = [sys.executable, "-c", program]
    done = subprocess.run(call, env=away, capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout == "True False\n", done.stderr
