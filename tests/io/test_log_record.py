import io
import json
import logging
from logging.handlers import MemoryHandler

import pytest

from raypp.errors import OptionError
from raypp.io.log_record import (
    FIELDS,
    FORMAT_VARIABLE,
    LogFormat,
    LoggedStream,
    about_stream,
    json_line,
    log_format,
    write_json_logs,
)

STREAM = LoggedStream("plant-1", "gate", 1_790_000_000_000_000)


def test_each_line_is_one_object_with_the_same_fields_in_the_same_order() -> None:
    for line in (json_line("veil", "two\nlines"), json_line("gateway", "x", "ERROR", "Traceback\n  y", stream=STREAM)):
        assert "\n" not in line
        assert tuple(json.loads(line)) == FIELDS
    row = json.loads(json_line("veil", "raypp: done", at=1_790_000_000.25))
    assert (row["time"], row["message"]) == ("2026-09-21T14:13:20.250000Z", "done")
    assert row["stream"] is None


def test_lines_within_a_block_are_about_its_stream() -> None:
    with about_stream(STREAM):
        row = json.loads(json_line("stream", "connected again"))
    assert (row["site"], row["camera"], row["stream"]) == ("plant-1", "gate", "plant-1/gate@1790000000000000")
    assert json.loads(json_line("stream", "x"))["site"] is None
    with about_stream(LoggedStream("plant-1", "gate")):
        assert json.loads(json_line("stream", "x"))["stream"] is None


def test_no_password_and_no_token_is_in_a_line() -> None:
    line = json_line("serve", "postgresql://raypp:hunter2@db/x refuses Bearer abc.def", error="rtsp://u:hunter2@cam/1")
    for secret in ("hunter2", "abc.def"):
        assert secret not in line


def test_a_buffered_record_is_about_the_stream_that_it_was_written_for() -> None:
    text = io.StringIO()
    logger = logging.getLogger("raypp.tests.buffered")
    logger.propagate = False
    logger.addHandler(MemoryHandler(10, target=logging.StreamHandler(text)))
    write_json_logs(logger, "gateway")
    with about_stream(STREAM):
        logger.warning("raypp: first %d", 1)
    try:
        int("postgresql://raypp:hunter2@db/x")
    except ValueError:
        logger.exception("raypp: second")
    logger.handlers[0].flush()
    first, second = map(json.loads, text.getvalue().splitlines())
    assert (first["component"], first["level"], first["message"]) == ("gateway", "WARNING", "first 1")
    assert first["stream"] == STREAM.stream_id
    assert second["stream"] is None
    assert "ValueError" in second["error"]
    assert "hunter2" not in text.getvalue()


def test_an_unknown_format_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORMAT_VARIABLE, "json")
    assert log_format() is LogFormat.JSON
    monkeypatch.setenv(FORMAT_VARIABLE, "xml")
    with pytest.raises(OptionError, match="RAYPP_LOG_FORMAT 'xml' is no format of logs; give text, json"):
        log_format()
