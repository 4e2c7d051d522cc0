"""A spool and the messages of an agent of an older release: gone on with, and served."""

import asyncio
import hashlib
import json
import shutil
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from actors.services import Services
from actors.stream import StreamConnection
from protos import raypp_pb2 as pb
from raypp.ledger.store import Ledger
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.veil.spec import PatchSpec
from tests.actors.test_agent_and_stream import Service
from tests.command import succeed, summary

_RECORDING = Path("/tmp/raypp-compatibility/video.mp4")
"""A spool remembers where its recording lay."""


class CodeRecorder(Service):
    """A service that keeps digests of the codes its detector is given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.codes: list[str] = []

    async def detect(self, veil_id: str, block: FrameBlock, *rest: object) -> DetectedBlock:
        self.codes += [hashlib.sha256(code.tobytes()).hexdigest() for code in block.codes]
        return await super().detect(veil_id, block, *rest)


@pytest.fixture
def expected(plant: Path) -> dict[str, Any]:
    """Output of the older release for the same video and key: codes, frames and episodes."""
    return cast("dict[str, Any]", json.loads((plant / "site/messages.json").read_text()))


@pytest.fixture
def recording(plant: Path) -> Iterator[Path]:
    """The recording that the spool is of, where it lay."""
    _RECORDING.parent.mkdir(exist_ok=True)
    shutil.copy(plant / "site/video.mp4", _RECORDING)
    yield _RECORDING
    shutil.rmtree(_RECORDING.parent)


@pytest.fixture
def service(plant: Path, expected: dict[str, Any]) -> Iterator[CodeRecorder]:
    model = ServedModel("cd" * 32, expected["veil_id"], PatchSpec(), 160, ("hammer", "saw"))
    with Ledger.open(f"sqlite:///{plant / 'ledger.db'}") as ledger:
        ledger.add_site("plant-1")
        yield CodeRecorder(ledger, model=model)


def _frames(service: Service) -> list[list[int]]:
    (stream,) = service.ledger.streams("plant-1")
    frames = service.ledger.frames(stream.stream)
    return [[frame.frame_index, frame.timestamp_us, len(frame.detections)] for frame in frames]


def _requests(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    while content:
        (size,) = struct.unpack(">I", content[:4])
        yield content[4 : 4 + size]
        content = content[4 + size :]


async def _serve(service: Service, messages: Path) -> list[pb.StreamFramesResponse]:
    """Send recorded requests, each once all that it says it has seen is answered."""
    answers: list[pb.StreamFramesResponse] = []
    answered = asyncio.Condition()

    async def requests() -> AsyncIterator[bytes]:
        for request in _requests(messages):
            seen = pb.StreamFramesRequest.FromString(request).chunk.committed_seen
            async with answered:
                await answered.wait_for(lambda seen=seen: len(answers) > seen or not seen)
            yield request

    async for answer in StreamConnection(cast("Services", service), requests(), ()).run():
        async with answered:
            answers.append(answer)
            answered.notify_all()
    return answers


def test_messages_are_served_with_the_same_codes_frames_and_episodes(
    plant: Path, service: CodeRecorder, expected: dict[str, Any]
) -> None:
    opened, *committed = asyncio.run(_serve(service, plant / "site/messages.bin"))
    assert opened.WhichOneof("message") == "opened"
    assert [answer.committed.sequence for answer in committed] == list(range(1, len(committed) + 1))
    assert (service.codes, _frames(service)) == (expected["codes"], expected["frames"])
    episodes = service.ledger.episodes("plant-1")
    assert [[episode.tool, episode.start_us, episode.end_us] for episode in episodes] == expected["episodes"]


def test_an_agent_goes_on_with_a_spool_whose_capture_was_killed(
    plant: Path, recording: Path, service: CodeRecorder, expected: dict[str, Any]
) -> None:
    site = plant / "site"
    (spooled,) = (site / "spool/bench-1").glob("0*")
    service.serve()
    try:
        succeed(
            *("stream", recording, "--site", "plant-1", "--camera", "bench-1", "--key", plant / "keys/site.key"),
            *("--token-file", site / "plant-1.token", "--size", 160, "--spool", site / "spool", "--fps", "every"),
            *("--time-from", "2026-03-02T08:33", "--json", site / "summary.json"),
            *("--server", f"127.0.0.1:{service.port}"),
        )
    finally:
        service.end()
    camera = summary(site / "summary.json")["cameras"]["bench-1"]
    assert 0 < camera["captured"] < camera["committed_frames"] == len(expected["frames"])
    (stream,) = service.ledger.streams("plant-1")
    assert (stream.stream.epoch, stream.ended) == (int(spooled.name), True)
    assert (service.codes, _frames(service)) == (expected["codes"], expected["frames"])
