import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.errors import LedgerError
from raypp.ledger.packing import as_stored, pack_detections, unpack_detections
from raypp.usage.observation import Detection, Observation, SeenFrame

fractions = st.floats(0, 1, width=32)
detections = st.builds(Detection, st.integers(0, 65535), fractions, fractions, fractions, fractions, fractions)


@given(st.lists(detections, max_size=20).map(tuple))
def test_back_and_forth(rows: tuple[Detection, ...]):
    packed = pack_detections(rows)
    assert len(packed) == 22 * len(rows)
    assert unpack_detections(packed) == rows


@given(st.floats(0, 1), st.floats(0, 1))
def test_rounded_once_is_rounded_for_good(first: float, second: float):
    frame = SeenFrame(0, 0, Observation.OBSERVED, (Detection(3, first, second, 0, 1, second),))
    stored = as_stored(frame)
    assert unpack_detections(pack_detections(stored.detections)) == stored.detections
    assert as_stored(stored) == stored
    assert stored.detections[0].confidence == pytest.approx(first, rel=1e-6)


def test_the_documented_layout():
    assert pack_detections((Detection(258, 0.5, 0, 0.25, 1, 0.125),)) == b"\x02\x01" + struct.pack(
        "<5f", 0.5, 0, 0.25, 1, 0.125
    )


@pytest.mark.parametrize(
    "detection",
    [
        Detection(65536, 0.5, 0, 0, 1, 1),
        Detection(-1, 0.5, 0, 0, 1, 1),
        Detection(0, 0.1, 0, 0, 1, 1),
        Detection(0, float("nan"), 0, 0, 1, 1),
        Detection(0, 1e300, 0, 0, 1, 1),
    ],
)
def test_what_cannot_be_kept_as_it_is(detection: Detection):
    with pytest.raises(LedgerError, match="cannot be stored"):
        pack_detections((detection,))


def test_damaged_bytes():
    with pytest.raises(LedgerError, match="damaged"):
        unpack_detections(b"x" * 23)
