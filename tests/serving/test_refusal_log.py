"""Refusals in logs."""

import logging

import pytest

from raypp.serving.refusal_log import RefusalLog, quiet_refusals


class _StatusError(Exception):
    grpc_code = 16


@pytest.fixture
def log(request: pytest.FixtureRequest) -> logging.Logger:
    return logging.getLogger(request.node.name)


def test_a_refusal_leaves_no_traceback_and_a_failure_does(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    quiet_refusals(log)
    quiet_refusals(log)
    assert len(log.filters) == 1
    for error in (_StatusError(), ValueError("a fault")):
        log.error("Request failed.", exc_info=error)
    log.warning("Error receiving gRPC message for session 1: RPC already finished.")
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [ValueError]


def test_refusals_are_told_once_a_minute(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    refusals = RefusalLog(log)
    for second in range(70):
        refusals.note("UNAUTHENTICATED" if second % 2 else "PERMISSION_DENIED", f"call {second}", float(second))
    assert [record.getMessage().split(": ", 2)[2] for record in caplog.records] == [
        "1 PERMISSION_DENIED; the latest: call 0",
        "30 PERMISSION_DENIED, 30 UNAUTHENTICATED; the latest: call 60",
    ]
