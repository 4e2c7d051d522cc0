"""Messages out of bytes, of whatever size and shape."""

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from protos import raypp_pb2 as pb
from raypp.errors import WireError, WireLimitError
from raypp.wire.parsing import MOST_FIELDS, parse

_CHUNK = pb.StreamFramesRequest.CHUNK_FIELD_NUMBER
_ROOM = 1 << 20


def _of_chunk(*bodies: bytes) -> bytes:
    return b"".join(_field(_CHUNK, body) for body in bodies)


def _field(number: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + body


def test_an_honest_message_is_what_was_sent() -> None:
    frames = [pb.Frame(frame_index=number, whole=bytes(300), grid_crc32=7) for number in range(64)]
    sent = pb.StreamFramesRequest(chunk=pb.Chunk(sequence=1 << 62, committed_seen=5, frames=frames, last=True))
    assert parse(pb.StreamFramesRequest, sent.SerializeToString(), _ROOM, inner=_CHUNK) == sent
    detect = pb.DetectFramesRequest(veil_id="ab" * 16, width=1, height=2, frames=frames)
    assert parse(pb.DetectFramesRequest, detect.SerializeToString(), _ROOM) == detect
    assert parse(pb.WatchEpisodesRequest, b"", _ROOM) == pb.WatchEpisodesRequest()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (pb.DetectFramesRequest, _field(5, b"") * (MOST_FIELDS + 1)),
        (pb.StreamFramesRequest, _of_chunk(_field(3, b"") * MOST_FIELDS)),
        (pb.StreamFramesRequest, _of_chunk(*[_field(3, b"")] * (MOST_FIELDS // 2 + 1))),
        (pb.ListEpisodesRequest, _field(4, b"") * (MOST_FIELDS + 1)),
        (pb.StreamFramesRequest, bytes(_ROOM + 1)),
    ],
)
def test_a_message_with_too_much_in_it_is_refused(kind: type[Message], data: bytes) -> None:
    with pytest.raises(WireLimitError, match=kind.DESCRIPTOR.name):
        parse(kind, data, _ROOM, inner=_CHUNK)


def test_as_many_fields_as_may_be_are_taken() -> None:
    assert len(parse(pb.DetectFramesRequest, _field(5, b"") * MOST_FIELDS, _ROOM).frames) == MOST_FIELDS


def test_a_field_of_a_newer_contract_is_passed_over() -> None:
    sent = pb.WatchEpisodesRequest(site="plant").SerializeToString() + b"\xf8\x06\x01" + b"\xfd\x06abcd"
    assert parse(pb.WatchEpisodesRequest, sent, _ROOM).site == "plant"


@pytest.mark.parametrize(
    "data", [b"\xff\xfe garbage", b"\x0a\xff", b"\x0a", b"\x80" * 11, b"\x0b", b"\x09\x00", b"\x0a\x02\xff\xfe"]
)
def test_garbage_is_named_as_such(data: bytes) -> None:
    with pytest.raises(WireError, match="no WatchEpisodesRequest"):
        parse(pb.WatchEpisodesRequest, data, _ROOM)


@given(st.binary(max_size=300))
def test_whatever_comes_is_parsed_or_refused(data: bytes) -> None:
    try:
        message = parse(pb.StreamFramesRequest, data, _ROOM, inner=_CHUNK)
    except WireError:
        return
    assert message == pb.StreamFramesRequest.FromString(data)
