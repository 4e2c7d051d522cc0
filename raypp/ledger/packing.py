"""Detections, frames of a chunk and a fold's state as bytes. All numbers are little-endian.

A detection is a row of 22 bytes:

| bytes | type | field |
|---|---|---|
| 0-1 | uint16 | class_id |
| 2-5 | float32 | confidence |
| 6-21 | 4 x float32 | x1, y1, x2, y2, fractions of the source's frame |

A frame of a chunk is a row of 19 bytes:

| bytes | type | field |
|---|---|---|
| 0-7 | int64 | frame_index, less that of the frame before; of the first frame itself |
| 8-15 | int64 | timestamp_us, likewise |
| 16 | uint8 | what the camera saw, a number of `Observation` |
| 17-18 | uint16 | how many detections it has |

A chunk is zlib's compression of its frames' rows and then its detections' rows. Each of the two stands byte by byte:
the first byte of all rows, then the second of all, and so on.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from operator import attrgetter

from raypp.errors import LedgerError
from raypp.usage.observation import Detection, Observation, SeenFrame

_ROW = struct.Struct("<Hfffff")
_FRAME = struct.Struct("<qqBH")
_FIELDS = attrgetter(*Detection.__slots__)
_LEVEL = 1
"""Of zlib: the higher ones take longer, and gain 1 % of a chunk and 4 % of a state."""
MOST_DETECTIONS = 32767


def pack_detections(detections: Sequence[Detection]) -> bytes:
    """Pack detections.

    Raises:
        LedgerError: for numbers that float32 does not hold exactly. A fold that had seen them would come to other
            episodes than one that reads them back; pass frames through `as_stored` before the fold.
    """
    try:
        rows = [_FIELDS(detection) for detection in detections]
        packed = b"".join([_ROW.pack(*row) for row in rows])
        exact = list(_ROW.iter_unpack(packed)) == rows
    except (struct.error, OverflowError):
        exact = False
    if not exact:
        raise LedgerError(
            f"{len(detections)} detections cannot be stored as they are; class_id is at most 65535, the other numbers "
            "are float32: pass frames through as_stored before the fold"
        )
    return packed


def unpack_detections(packed: bytes) -> tuple[Detection, ...]:
    """Read what `pack_detections` gave; raises LedgerError for bytes that are no whole number of rows."""
    if len(packed) % _ROW.size:
        raise _damaged(f"detections of {len(packed)} bytes are damaged")
    return tuple(Detection(*row) for row in _ROW.iter_unpack(packed))


def pack_frames(frames: Sequence[SeenFrame]) -> bytes:
    """Pack the frames of a chunk, one at least.

    Raises:
        LedgerError: for detections as `pack_detections` refuses them, and for more than 32767 on one frame.
    """
    index, moment_us = 0, 0
    rows = []
    for frame in frames:
        count = len(frame.detections)
        if count > MOST_DETECTIONS:
            raise LedgerError(f"{count} detections cannot be stored on frame {frame.frame_index}; at most 32767 can")
        rows.append(_FRAME.pack(frame.frame_index - index, frame.timestamp_us - moment_us, frame.observation, count))
        index, moment_us = frame.frame_index, frame.timestamp_us
    detections = pack_detections([detection for frame in frames for detection in frame.detections])
    return zlib.compress(_by_byte(b"".join(rows), _FRAME.size) + _by_byte(detections, _ROW.size), _LEVEL)


def unpack_frames(packed: bytes, count: int) -> list[SeenFrame]:
    """Read the `count` frames that `pack_frames` packed; raises LedgerError for damaged bytes."""
    try:
        plain = zlib.decompress(packed)
        edge = count * _FRAME.size
        rows = list(_FRAME.iter_unpack(_by_row(plain[:edge], _FRAME.size)))
        detections = iter(unpack_detections(_by_row(plain[edge:], _ROW.size)))
        frames = []
        index, moment_us = 0, 0
        for more_index, more_us, observation, number in rows:
            index, moment_us = index + more_index, moment_us + more_us
            frames.append(SeenFrame(index, moment_us, Observation(observation), tuple(islice(detections, number))))
    except (zlib.error, struct.error, ValueError):
        raise _damaged(f"a chunk of {len(packed)} bytes is damaged") from None
    if len(frames) != count or sum(len(frame.detections) for frame in frames) * _ROW.size != len(plain) - edge:
        raise _damaged(f"a chunk of {len(packed)} bytes does not hold its {count} frames")
    return frames


def pack_state(text: str) -> bytes:
    """Pack a fold's state."""
    return zlib.compress(text.encode(), _LEVEL)


def unpack_state(packed: bytes) -> str:
    """Read what `pack_state` gave; raises LedgerError for damaged bytes."""
    try:
        return zlib.decompress(packed).decode()
    except (zlib.error, UnicodeDecodeError):
        raise _damaged(f"a fold's state of {len(packed)} bytes is damaged") from None


def as_stored(frame: SeenFrame) -> SeenFrame:
    """The frame with its detections rounded to float32, as the ledger gives them back."""
    return replace(frame, detections=tuple(_rounded(detection) for detection in frame.detections))


def _rounded(detection: Detection) -> Detection:
    return Detection(*_ROW.unpack(_ROW.pack(*_FIELDS(detection))))


def _by_byte(rows: bytes, width: int) -> bytes:
    return b"".join([rows[place::width] for place in range(width)])


def _by_row(planes: bytes, width: int) -> bytes:
    if len(planes) % width:
        raise ValueError(f"{len(planes)} bytes are no rows of {width}")
    return _by_byte(planes, len(planes) // width)


def _damaged(what: str) -> LedgerError:
    return LedgerError(f"{what}; restore the ledger from a backup")
