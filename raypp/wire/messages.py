"""Checks of whole messages before anything is made of them: names, numbers, limits."""

import re
from collections.abc import Sequence

from protos import raypp_pb2 as pb
from raypp.errors import WireError, WireLimitError
from raypp.text.names import check_stream_name
from raypp.wire.frames import LARGEST_INDEX, LATEST_US, cell_bytes, check_frame
from raypp.wire.grid import MOST_SOURCE_PIXELS

_VEIL_ID = re.compile(r"[0-9a-f]{32}")
_MOST_SUB_KEYS = 64


def check_wire_name(name: str, what: str) -> None:
    """Raise WireError unless a site's or camera's name is 1 to 100 letters, digits, '.', '_', '-'."""
    try:
        check_stream_name(name, what)
    except ValueError as error:
        raise WireError(str(error)) from None


def check_open(message: pb.Open) -> None:
    """Raise WireError, naming the field, unless an `open` is well formed."""
    check_wire_name(message.site, "site")
    check_wire_name(message.camera, "camera")
    if not 1 <= message.stream_epoch <= LARGEST_INDEX:
        raise WireError(f"stream epoch {message.stream_epoch} must be 1 to {LARGEST_INDEX}")
    _check_clock(message.sent_at_us)
    _check_source(message.veil_id, message.width, message.height, message.sub_key)


def check_chunk(message: pb.Chunk, limits: pb.Limits) -> None:
    """Check a chunk but for its cells' values.

    Raises:
        WireError: if it is malformed.
        WireLimitError: if it has too many frames, or a frame too many bytes.
    """
    if not 1 <= message.sequence <= LARGEST_INDEX:
        raise WireError(f"chunk's sequence number {message.sequence} must be 1 to {LARGEST_INDEX}")
    if message.committed_seen >= message.sequence:
        raise WireError(f"chunk {message.sequence} says that {message.committed_seen} is committed already")
    _check_clock(message.sent_at_us)
    if not message.frames and not message.last:
        raise WireError(f"chunk {message.sequence} has no frame; only the last one may be empty")
    _check_frames(message.frames, f"chunk {message.sequence}", limits)
    for before, after in zip(message.frames, message.frames[1:], strict=False):
        if after.frame_index <= before.frame_index:
            raise WireError(
                f"chunk {message.sequence}: frame {after.frame_index} follows {before.frame_index}; indices must rise"
            )


def _check_clock(sent_at_us: int) -> None:
    if not 0 <= sent_at_us <= LATEST_US:
        raise WireError(f"the site's clock {sent_at_us} is not within 1970 to 9998, in microseconds")


def check_detect(message: pb.DetectFramesRequest, limits: pb.Limits) -> None:
    """Check a call of DetectFrames but for its cells' values.

    Raises:
        WireError: if it is malformed.
        WireLimitError: if it has too many frames, or a frame too many bytes.
    """
    _check_source(message.veil_id, message.width, message.height, message.sub_key)
    if not message.frames:
        raise WireError("the call has no frame; send at least one")
    _check_frames(message.frames, "the call", limits)


def _check_source(veil_id: str, width: int, height: int, sub_key: int) -> None:
    if not _VEIL_ID.fullmatch(veil_id):
        raise WireError(f"veil {veil_id[:40]!r}: a veil_id is 32 hex digits")
    if not (1 <= width <= MOST_SOURCE_PIXELS and 1 <= height <= MOST_SOURCE_PIXELS):
        raise WireError(f"frames of {width}x{height} pixels: width and height must be 1 to {MOST_SOURCE_PIXELS}")
    if sub_key >= _MOST_SUB_KEYS:
        raise WireError(f"sub-key {sub_key} must be below {_MOST_SUB_KEYS}")


def _check_frames(frames: Sequence[pb.Frame], what: str, limits: pb.Limits) -> None:
    if len(frames) > limits.frames_per_chunk:
        raise WireLimitError(f"{what} has {len(frames)} frames, at most {limits.frames_per_chunk}")
    for frame in frames:
        check_frame(frame)
        if cell_bytes(frame) > limits.bytes_per_frame:
            raise WireLimitError(
                f"frame {frame.frame_index}: {cell_bytes(frame)} bytes of cells, at most {limits.bytes_per_frame}"
            )
