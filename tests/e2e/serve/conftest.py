import re
from collections.abc import Iterator

import pytest

from raypp.io.private import write_private
from tests.e2e.serve.talk import CAMERAS, FOUND, FRAMES, FRONT, METRICS_TOKEN, SECRET, STREAMS, WINDOW
from tests.serving.running import (
    Service,
    bearer,
    running_service,
)


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    place = tmp_path_factory.mktemp("service")
    write_private(place / "front.secret", SECRET.encode() + b"\n")
    write_private(place / "metrics.token", METRICS_TOKEN.encode() + b"\n")
    secrets = ("--front-secret-file", place / "front.secret", "--metrics-token-file", place / "metrics.token")
    settings = {
        "limits": {
            "frames_per_chunk": FRAMES,
            "window": WINDOW,
            "streams_per_site": STREAMS,
            "bytes_per_frame": 4096,
        },
        "quotas": {"cameras": CAMERAS},
        "door": {"strangers_per_minute": 6000, "strangers_burst": 1000},  # each test has tokens of its own
        "detection": {"most": FOUND},
        "answers_bytes": 1 << 16,
        "open_within_s": 3,
        "token_check_s": 0.2,
        "watch_every_s": 0.2,
        "reap_every_s": 0.5,
    }
    with running_service(place, settings, *secrets) as running:
        yield running
    assert "retries remaining" not in running.log_text()  # what Ray says when we end it
    assert "logging.cc" not in running.log_text()


@pytest.fixture
def site(request: pytest.FixtureRequest, service: Service) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A site of the test's own, and metadata of its calls."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    return name, bearer(service.site(name), **FRONT)
