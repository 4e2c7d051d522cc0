"""Detections of a frame as bytes: rows of 22 bytes, little-endian, one a detection.

| bytes | type | field |
|---|---|---|
| 0-1 | uint16 | class_id |
| 2-5 | float32 | confidence |
| 6-21 | 4 x float32 | x1, y1, x2, y2, fractions of the source's frame |
"""

import struct
from dataclasses import replace
from operator import attrgetter

from raypp.errors import LedgerError
from raypp.usage.observation import Detection, SeenFrame

_ROW = struct.Struct("<Hfffff")
_FIELDS = attrgetter(*Detection.__slots__)
MOST_DETECTIONS = 32767


def pack_detections(detections: tuple[Detection, ...]) -> bytes:
    """Pack detections.

    Raises:
        LedgerError: for numbers that float32 does not hold exactly. A fold that had seen them would come to other
            episodes than one that reads them back; pass frames through `as_stored` before the fold.
    """
    try:
        rows = [_FIELDS(detection) for detection in detections]
        packed = b"".join([_ROW.pack(*row) for row in rows])
        exact = list(_ROW.iter_unpack(packed)) == rows and len(rows) <= MOST_DETECTIONS
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
        raise LedgerError(f"detections of {len(packed)} bytes are damaged; restore the ledger from a backup")
    return tuple(Detection(*row) for row in _ROW.iter_unpack(packed))


def as_stored(frame: SeenFrame) -> SeenFrame:
    """The frame with its detections rounded to float32, as the ledger gives them back."""
    return replace(frame, detections=tuple(_rounded(detection) for detection in frame.detections))


def _rounded(detection: Detection) -> Detection:
    return Detection(*_ROW.unpack(_ROW.pack(*_FIELDS(detection))))
