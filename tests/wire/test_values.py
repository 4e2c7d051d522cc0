"""Detections and episodes through messages and back; whole messages checked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos import raypp_pb2 as pb
from raypp.errors import WireError, WireLimitError
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName
from raypp.usage.observation import Detection, Observation
from raypp.wire.messages import check_chunk, check_detect, check_open
from raypp.wire.values import (
    detection_message,
    detection_of,
    detections_of,
    episode_message,
    episode_of,
    frame_detections_message,
)

FRACTIONS = st.floats(0, 1, width=32)
DETECTIONS = st.builds(
    Detection, st.integers(0, 1000), st.floats(2**-20, 1, width=32), FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS
)
EPISODES = st.builds(
    Episode,
    st.text(max_size=32),
    st.builds(StreamName, st.text(max_size=9), st.text(max_size=9), st.just(17)),
    st.text(max_size=9),
    st.text(max_size=9),
    st.integers(0, 1 << 60),
    st.integers(0, 1 << 60),
    st.integers(0, 1 << 60),
    st.sampled_from(EpisodeState),
    st.one_of(st.none(), st.sampled_from(CloseReason)),
)
LIMITS = pb.Limits(frames_per_chunk=2, bytes_per_frame=10, window=2, streams_per_site=1)


def test_numbers_equal_those_of_the_contract():
    for ours, theirs, prefix in (
        (Observation, pb.Observation, "OBSERVATION"),
        (EpisodeState, pb.EpisodeState, "EPISODE_STATE"),
        (CloseReason, pb.CloseReason, "CLOSE_REASON"),
    ):
        named = {f"{prefix}_{member.name}": member.value for member in ours}
        assert named == {name: value for name, value in theirs.items() if value}


@given(st.lists(DETECTIONS))
def test_detections_come_back(detections):
    message = pb.FrameDetections.FromString(frame_detections_message(3, 4, detections).SerializeToString())
    assert (message.frame_index, message.timestamp_us) == (3, 4)
    assert detections_of(message) == tuple(detections)


@given(EPISODES)
def test_episodes_come_back(episode):
    assert episode_of(pb.Episode.FromString(episode_message(episode).SerializeToString())) == episode


@pytest.mark.parametrize("change", [{"confidence": 0}, {"confidence": math.nan}, {"x1": -0.1}, {"y2": math.inf}])
def test_a_detection_out_of_range_is_refused(change):
    good = {"confidence": 0.5, "x1": 0.1, "y1": 0.1, "x2": 0.2, "y2": 0.2}
    with pytest.raises(WireError):
        detection_of(pb.Detection(**(good | change)))
    assert detection_of(detection_message(detection_of(pb.Detection(**good))))


def test_an_episode_of_a_newer_service_is_refused_by_name():
    with pytest.raises(WireError, match="EpisodeState 9"):
        episode_of(pb.Episode(episode_id="a", state=9))


GOOD_OPEN = {"site": "s", "camera": "c", "stream_epoch": 1, "veil_id": "0" * 32, "width": 640, "height": 360}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"site": ""}, "site ''"),
        ({"camera": "a/b"}, "camera 'a/b'"),
        ({"camera": "x" * 5000}, "a name is"),
        ({"stream_epoch": 0}, "stream epoch 0"),
        ({"stream_epoch": 1 << 63}, "stream epoch"),
        ({"veil_id": "zz"}, "veil 'zz'"),
        ({"width": 0}, "0x360"),
        ({"height": 20000}, "640x20000"),
        ({"sub_key": 64}, "sub-key 64"),
    ],
)
def test_a_malformed_open_is_refused_by_field(change, says):
    check_open(pb.Open(**GOOD_OPEN))
    with pytest.raises(WireError, match=says) as raised:
        check_open(pb.Open(**(GOOD_OPEN | change)))
    assert len(str(raised.value)) < 300


def _covered(*indices: int) -> list[pb.Frame]:
    return [pb.Frame(frame_index=index, observation=pb.OBSERVATION_COVERED) for index in indices]


@pytest.mark.parametrize(
    ("chunk", "says"),
    [
        (pb.Chunk(sequence=0, frames=_covered(1)), "sequence number 0"),
        (pb.Chunk(sequence=1), "has no frame"),
        (pb.Chunk(sequence=2, committed_seen=2, frames=_covered(1)), "2 is committed already"),
        (pb.Chunk(sequence=1, frames=_covered(2, 2)), "indices must rise"),
        (pb.Chunk(sequence=1, frames=[pb.Frame()]), "observation 0"),
    ],
)
def test_a_malformed_chunk_is_refused(chunk, says):
    with pytest.raises(WireError, match=says):
        check_chunk(chunk, LIMITS)


def test_limits_are_told_from_faults():
    check_chunk(pb.Chunk(sequence=1, frames=_covered(1, 2)), LIMITS)
    check_chunk(pb.Chunk(sequence=1, last=True), LIMITS)
    with pytest.raises(WireLimitError, match="3 frames, at most 2"):
        check_chunk(pb.Chunk(sequence=1, frames=_covered(1, 2, 3)), LIMITS)
    call = pb.DetectFramesRequest(
        veil_id="0" * 32, width=1, height=1, frames=[pb.Frame(observation=1, whole=bytes(11))]
    )
    with pytest.raises(WireLimitError, match="11 bytes of cells, at most 10"):
        check_detect(call, LIMITS)
    with pytest.raises(WireError, match="no frame"):
        check_detect(pb.DetectFramesRequest(veil_id="0" * 32, width=1, height=1), LIMITS)
