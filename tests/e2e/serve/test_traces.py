"""One trace of an agent's chunk through gateway, detector and ledger, at a real receiver; all on a real Ray."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from raypp.io.private import write_private
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from tests.command import ROOT, environment
from tests.otlp import Received, Receiver, receiving
from tests.serving.bundles import SIZE, SPEC, write_eager_bundle
from tests.serving.running import Service, running_service
from tests.videos import make_video

pytestmark = [pytest.mark.ray, pytest.mark.slow]

_DETECT = "Detector/detect"
_CALL = "raypp.v1.Sites/StreamFrames"


def test_a_chunk_is_one_trace_from_the_agent_to_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = SiteKey.derive_from(VeilKey(bytes(range(32))), SPEC, "plant-1", ["bench-1"])
    save_site_key(key, tmp_path / "site.key")
    write_eager_bundle(tmp_path / "tools.model", veil_id=key.veil_id(SPEC))
    with receiving() as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        with running_service(tmp_path, {"log_format": "json"}) as service:
            token = service.site("plant-1")
            write_private(tmp_path / "token", token.encode() + b"\n")
            log = _stream(service)
            with service.ledger() as ledger:
                (status,) = ledger.streams("plant-1")
            chunks = receiver.named("send chunk")
            (call,) = [each for each in receiver.named(_CALL, count=2) if each.scope == "raypp.agent"]
            (served,) = receiver.children(call, _CALL)
            for chunk in chunks:
                _check_chunk(receiver, chunk)
            assert sum(chunk.attributes["raypp.frames"] for chunk in chunks) == status.frames > 0
            assert (served.scope, served.attributes["rpc.response.status_code"]) == ("raypp.gateway", "OK")
            assert receiver.children(served, "write ledger")  # the stream is opened
            assert [each.service for each in (call, served)] == ["raypp-agent", "raypp-gateway"]
            gateways = _json_lines(service)
        opened = [row["trace_id"] for row in gateways if "resumed after" in row["message"]]
        assert opened == [served.span.trace_id.hex()]
        assert token.encode() not in receiver.bytes
        assert {row["trace_id"] for row in map(json.loads, log.splitlines())} >= {served.span.trace_id.hex()}


def _check_chunk(receiver: Receiver, chunk: Received) -> None:
    (committed,) = receiver.children(chunk, "commit chunk")
    frames = chunk.attributes["raypp.frames"]
    assert receiver.children(committed, "write ledger")
    assert committed.attributes["raypp.frames"] == frames
    if not frames:  # it only says that the recording ends
        return
    (detection,) = receiver.children(committed, _DETECT)
    pieces = receiver.children(detection, _DETECT)
    assert [each.scope for each in (chunk, committed, detection)] == ["raypp.agent", "raypp.gateway", "raypp.gateway"]
    assert {(each.service, each.scope) for each in pieces} == {("raypp-detector", "raypp.detector")}
    assert sum(each.attributes["raypp.frames"] for each in pieces) == detection.attributes["raypp.frames"] == frames
    assert not any(each.is_error for each in (chunk, committed, detection, *pieces))


def _stream(service: Service) -> str:
    """Stream a video by a real agent to its end; returns its log."""
    place = service.place
    video = make_video(place / "video.mp4", seconds=4)
    done = subprocess.run(
        [
            sys.executable, "-m", "raypp", "stream", video, "--site", "plant-1", "--camera", "bench-1",
            "--server", f"127.0.0.1:{service.port}", "--token-file", place / "token", "--spool", place / "spool",
            "--key", place / "site.key", "--size", str(SIZE), "--fps", "every", "--time-from", "2026-03-02T06:00",
        ],
        env=environment(RAYPP_LOG_FORMAT="json"), cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def _json_lines(service: Service) -> list[dict[str, str]]:
    (log,) = service.logs().glob("*Gateway*")
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
