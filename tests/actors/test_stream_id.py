"""One id of a stream in the agent's log, the gateway's and the ledger; all real, over gRPC; only Ray is left out."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from raypp.io.log_record import FIELDS, FORMAT_VARIABLE, write_json_logs
from tests.actors.test_agent_and_stream import Service, service  # noqa: F401 - fixtures
from tests.edge.conftest import Site
from tests.edge.service import TOKEN
from tests.videos import make_video


@pytest.fixture
def gateway_log() -> Iterator[io.StringIO]:
    text, logger = io.StringIO(), logging.getLogger("ray.serve")
    before, level = logger.handlers, logger.level
    logger.handlers = [logging.StreamHandler(text)]
    logger.setLevel(logging.INFO)
    write_json_logs(logger, "gateway")
    yield text
    logger.handlers = before
    logger.setLevel(level)
    logger.filters.clear()


def test_agent_gateway_and_ledger_call_a_stream_the_same(
    site: Site,
    service: Service,  # noqa: F811
    gateway_log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(FORMAT_VARIABLE, "json")
    video = make_video(site.folder / "video.mp4", seconds=1)
    agent = site.agent(f"127.0.0.1:{service.port}", video, "--camera", "bench-1", "--no-watch", "--insecure")
    assert agent.wait(120) == 0, site.log()
    (stream,) = service.ledger.streams("plant-1")
    name = f"plant-1/{stream.stream.camera}@{stream.stream.epoch}"
    agents = [json.loads(line) for line in site.log().splitlines() if line.startswith("{")]
    gateways = [json.loads(line) for line in gateway_log.getvalue().splitlines()]
    for rows, component in ((agents, "stream"), (gateways, "gateway")):
        assert {tuple(row) for row in rows} == {FIELDS}
        assert component in {row["component"] for row in rows}
        assert {row["stream"] for row in rows} - {None} == {name}
    assert TOKEN not in site.log()
