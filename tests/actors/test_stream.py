"""One connection of a stream over a real ledger, without a network: what is refused, and what that leaves alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protos import raypp_pb2 as pb
from raypp.io.clock import now_us
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.serving.fairness import Priority
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.status import Status, StatusError
from raypp.usage.observation import Observation
from raypp.veil.spec import PatchSpec
from raypp.wire.frames import CellEncoder, unseen_frame
from tests.actors.gateway import Gateway

_SECOND_US = 1_000_000
_NOW_US = 1_790_000_000_000_000
_VEIL = "ab" * 16
_MODEL = ServedModel("cd" * 32, _VEIL, PatchSpec(), 320, ("hammer", "saw"))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=lambda: _NOW_US) as ledger:
        Identities(ledger).add_site("plant")
        yield Gateway(ledger, _MODEL, "plant")


def _open(**about: Any) -> pb.Open:
    usual: dict[str, Any] = {
        "site": "plant",
        "camera": "gate",
        "stream_epoch": _NOW_US,
        "veil_id": _VEIL,
        "width": 320,
        "height": 240,
        "live": True,
        "sent_at_us": _NOW_US,
        "size": 320,
    }
    return pb.Open(**(usual | about))


def _chunk(sequence: int, *ahead_s: float, last: bool = False) -> pb.Chunk:
    """A chunk of covered frames, some seconds ahead of the service's clock."""
    frames = [
        unseen_frame(Observation.COVERED, sequence * 100 + number, _NOW_US + round(seconds * _SECOND_US))
        for number, seconds in enumerate(ahead_s)
    ]
    return pb.Chunk(sequence=sequence, frames=frames, last=last)


@pytest.mark.parametrize(
    ("about", "status", "words"),
    [
        ({"size": 640}, Status.FAILED_PRECONDITION, "this model takes 320 pixels, .* at 640: give `size` 320"),
        ({"veil_id": "ef" * 16}, Status.FAILED_PRECONDITION, "is not served here"),
        ({"sub_key": 63}, Status.FAILED_PRECONDITION, "sub-key 63 is none of veil"),
        ({"width": 0}, Status.INVALID_ARGUMENT, "0x240"),
    ],
)
def test_a_refused_try_with_a_higher_epoch_leaves_the_good_stream_as_it_is(
    gateway: Gateway, about: dict[str, Any], status: Status, words: str
) -> None:
    gateway.stream(_open(), _chunk(1, -3, -2))
    (stream,) = gateway.ledger.streams("plant")
    before = stream, gateway.ledger.position(stream.stream)
    good = gateway.lanes.registry.enter("plant", "gate")
    with pytest.raises(StatusError, match=words) as caught:
        gateway.stream(_open(stream_epoch=_NOW_US + 1, **about))
    assert caught.value.status is status
    assert not good.taken_over
    (stream,) = gateway.ledger.streams("plant")
    assert (stream, gateway.ledger.position(stream.stream)) == before
    gateway.stream(_open(), _chunk(2, -1, last=True))
    (stream,) = gateway.ledger.streams("plant")
    assert (stream.committed, stream.ended) == (2, True)


def test_settings_that_do_not_fit_the_model_refuse_a_stream_before_it_takes_anything(gateway: Gateway) -> None:
    gateway.stream(_open(), _chunk(1, -3, -2))
    before = gateway.ledger.position(gateway.ledger.streams("plant")[0].stream)
    gateway.ledger.configure("plant", "tools: [{class: drill}]", unchecked=True)
    with pytest.raises(StatusError, match="no class drill"):
        gateway.stream(_open())
    assert gateway.ledger.position(gateway.ledger.streams("plant")[0].stream) == before


def test_frames_of_the_future_are_refused_of_a_live_camera_and_nothing_is_kept(gateway: Gateway) -> None:
    gateway.stream(_open(), _chunk(1, -3, -2))
    day_s = 24 * 3600
    with pytest.raises(StatusError, match=r"frame 201: its time is 2\.0 days ahead of the service's clock") as caught:
        gateway.stream(_open(), _chunk(2, -1, 2 * day_s))
    assert caught.value.status is Status.INVALID_ARGUMENT
    assert "\n" not in str(caught.value)
    assert [stream.committed for stream in gateway.ledger.streams("plant")] == [1]
    gateway.stream(_open(), _chunk(2, -1, day_s - 1))
    gateway.stream(_open(camera="recorder", live=False), _chunk(1, 2 * day_s))
    assert [stream.committed for stream in gateway.ledger.streams("plant")] == [2, 1]


@pytest.mark.parametrize("sent_at_us", [-(2**63), -1, 2**63 - 1])
def test_a_clock_that_cannot_be_is_refused(gateway: Gateway, sent_at_us: int) -> None:
    with pytest.raises(StatusError, match=r"the site.s clock .* is not within 1970 to 9998") as caught:
        gateway.stream(_open(sent_at_us=sent_at_us))
    assert caught.value.status is Status.INVALID_ARGUMENT


def test_a_site_is_told_how_often_it_hears_that_the_service_is_there(gateway: Gateway) -> None:
    opened, *_ = gateway.stream(_open(), _chunk(1, -3, -2))
    assert opened.opened.alive_every_ms == 5000


def _stream_with_clock(gateway: Gateway, behind_s: float, open_waits_s: float) -> list[pb.StreamFramesResponse]:
    """Stream two chunks from a site whose clock is behind, and whose `open` has waited before it is read."""
    behind_us = round(behind_s * _SECOND_US)

    async def stream() -> list[pb.StreamFramesResponse]:
        answers: list[pb.StreamFramesResponse] = []
        opened = asyncio.Event()

        async def requests() -> AsyncIterator[pb.StreamFramesRequest]:
            sent_at_us = now_us() - behind_us - round(open_waits_s * _SECOND_US)
            yield pb.StreamFramesRequest(open=_open(sent_at_us=sent_at_us))
            await opened.wait()
            for sequence in (1, 2):
                chunk = _chunk(sequence, -9 + sequence)
                chunk.sent_at_us = now_us() - behind_us
                yield pb.StreamFramesRequest(chunk=chunk)

        async for answer in gateway.answers(requests()):
            answers.append(answer)
            opened.set()
        return answers

    return asyncio.run(stream())


@pytest.mark.parametrize(
    ("behind_s", "at_open_s"), [(0, 0), (1, 0), (7, 0), (-7, -2), (-3, 0), (3600, 3545), (-3600, -3595)]
)
def test_a_wait_of_seconds_is_not_taken_for_a_clock_that_is_behind(
    gateway: Gateway, behind_s: float, at_open_s: float
) -> None:
    """`open` has waited for five seconds: one-way it hides as much, and the chunk after its answer does not."""
    opened, *committed = _stream_with_clock(gateway, behind_s, open_waits_s=5)
    assert opened.opened.clock_offset_us / _SECOND_US == pytest.approx(at_open_s, abs=0.9)
    (measured,) = gateway.clock_offsets
    assert measured / _SECOND_US == pytest.approx(behind_s, abs=0.9)
    assert gateway.ledger.streams("plant")[0].clock_offset_us == measured
    assert [answer.committed.sequence for answer in committed] == [1, 2]
    assert all(0 < answer.committed.received_at_us <= answer.committed.sent_at_us for answer in committed)


def test_a_chunk_of_a_clock_that_cannot_be_is_refused(gateway: Gateway) -> None:
    chunk = _chunk(1, -3)
    chunk.sent_at_us = 2**63 - 1
    with pytest.raises(StatusError, match=r"the site.s clock .* is not within 1970 to 9998"):
        gateway.stream(_open(), chunk)


class _SlowGateway(Gateway):
    """A gateway whose detector takes a while."""

    async def detect(self, _veil_id: str, block: FrameBlock, _site: str, _lane: Priority) -> DetectedBlock:
        await asyncio.sleep(0.7)
        return DetectedBlock(self.model.model_id, ((),) * len(block))


def test_a_stream_whose_chunk_takes_long_hears_meanwhile_that_the_service_is_there(gateway: Gateway) -> None:
    often = gateway.settings.model_copy(update={"alive_every_s": 0.1})
    slow = _SlowGateway(gateway.ledger, _MODEL, "plant", settings=often)
    grid = _MODEL.grid(320, 240)
    frame = CellEncoder(grid).encode(np.zeros(grid.shape, np.uint8), 100, _NOW_US - _SECOND_US)
    opened, *answers = slow.stream(_open(), pb.Chunk(sequence=1, frames=[frame], last=True))
    assert opened.opened.alive_every_ms == 100
    kinds = [answer.WhichOneof("message") for answer in answers]
    assert kinds.count("committed") == 1
    assert 3 <= kinds[: kinds.index("committed")].count("alive") == kinds.index("committed")
    assert answers[kinds.index("committed")].committed.frames[0].frame_index == 100
