"""Every container gives all its frames once, in order, however its time is cut."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.geometry.letterbox import Letterbox
from raypp.media.container import VideoInfo
from raypp.media.files import open_source
from raypp.media.frame import PADDING
from raypp.media.masks import Mask
from raypp.media.sampling import END_US, Sampling, SamplingMode, cut_points
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode, presentation_times
from tests.data import shared_data
from tests.media.decoding import EVERY, KEYFRAMES, info_of, rows_of
from tests.media.videos import INDEXED, RATE, VIDEOS, Video, images, write

_SAMPLINGS = [EVERY, Sampling(SamplingMode.RATE, Fraction(7)), Sampling(SamplingMode.RATE, Fraction(1, 2)), KEYFRAMES]


@pytest.fixture(scope="module", params=VIDEOS, ids=lambda video: video.name)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Video, Path]:
    return request.param, write(request.param, tmp_path_factory.mktemp("videos") / request.param.name)


def test_presentation_times_are_those_that_frames_are_decoded_with(video: tuple[Video, Path]) -> None:
    _, path = video
    stream = open_source(str(path))
    try:
        times = presentation_times(stream, info_of(path))
    finally:
        stream.close()
    assert list(times) == [row[0] for row in rows_of(path, 0, END_US, EVERY)]


def test_every_frame_comes_once_and_in_order(video: tuple[Video, Path]) -> None:
    drawn, path = video
    report = DecodeReport()
    rows = rows_of(path, 0, END_US, EVERY, report)
    times = [row[0] for row in rows]
    assert len(rows) == drawn.frames
    assert times == sorted(set(times))
    assert report.damaged == 0
    if drawn.times_ms:
        assert times == [1000 * (ms - drawn.times_ms[0]) for ms in drawn.times_ms]
    elif not path.name.endswith(("mpg", "gif", "wmv")):
        assert np.diff(times).tolist() == pytest.approx([1_000_000 / RATE] * (drawn.frames - 1), abs=1001)


def _sampling_id(sampling: Sampling) -> str:
    return f"{sampling.mode} {sampling.rate or ''}"


@pytest.mark.parametrize("sampling", _SAMPLINGS, ids=_sampling_id)
def test_any_cut_of_the_planner_gives_the_frames_of_one_pass(video: tuple[Video, Path], sampling: Sampling) -> None:
    drawn, path = video
    info = info_of(path)
    whole = rows_of(path, 0, END_US, sampling)
    assert whole
    for target_us in (200_000, 500_000, 1_000_000):
        cuts = cut_points(info, sampling, target_us)
        parts = [row for start, end in pairwise(cuts) for row in rows_of(path, start, end, sampling)]
        assert parts == whole
    assert (len(cut_points(info, EVERY, 1_000_000)) > 2) == (drawn.name in INDEXED)


@pytest.mark.parametrize("sampling", [EVERY, KEYFRAMES], ids=["every", "keyframes"])
def test_any_cut_at_all_gives_the_frames_of_one_pass(video: tuple[Video, Path], sampling: Sampling) -> None:
    _, path = video
    whole = rows_of(path, 0, END_US, sampling)
    for cut in [1, 39_001, *range(100_000, whole[-1][0] + 200_000, 271_003), whole[-1][0], whole[-1][0] + 1]:
        parts = rows_of(path, 0, cut, sampling) + rows_of(path, cut, END_US, sampling)
        assert parts == whole, f"cut at {cut}"


def test_keyframes_are_the_keyframes_of_a_full_decode(video: tuple[Video, Path]) -> None:
    drawn, path = video
    if drawn.name in {"refresh.mp4", "open.avi", "mpeg4.avi", "mpeg2.mpg"}:
        pytest.skip("has no keyframe but the first, or no times of its own to compare by")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        start = stream.start_time or 0
        wanted = [
            round((frame.pts - start) * stream.time_base * 1_000_000)
            for frame in container.decode(stream)
            if frame.key_frame
        ]
    assert [row[0] for row in rows_of(path, 0, END_US, KEYFRAMES)] == wanted
    every = {row[0]: row[2] for row in rows_of(path, 0, END_US, EVERY)}
    assert all(every[row[0]] == row[2] for row in rows_of(path, 0, END_US, KEYFRAMES))


def test_a_rate_takes_the_first_frame_of_each_tick(tmp_path: Path) -> None:
    path = write(VIDEOS[0], tmp_path / "video.mp4")
    rows = rows_of(path, 0, END_US, Sampling(SamplingMode.RATE, Fraction(2)))
    assert [row[:2] for row in rows] == [(0, 0), (520_000, 1), (1_000_000, 2), (1_520_000, 3), *[
        (2_000_000, 4), (2_520_000, 5), (3_000_000, 6), (3_520_000, 7),
    ]]  # fmt: skip


def test_frames_are_turned_upright_and_masked(tmp_path: Path) -> None:
    path = write(Video("turned.mp4", rotation=90, frames=3, options={"crf": "1"}), tmp_path / "turned.mp4")
    info = info_of(path)
    assert (info.width, info.height, info.rotation) == (48, 64, 90)
    box = Letterbox(64, 8, info.width, info.height)
    mask = Mask((((0.0, 0.0), (0.25, 0.0), (0.25, 0.25), (0.0, 0.25)),))
    stream = open_source(str(path))
    plain, painted = (
        next(decode(stream, info, 0, END_US, EVERY, box, masked, report=DecodeReport())).pixels
        for masked in (None, mask)
    )
    upright = np.rot90(images(1)[0])
    assert plain.shape == (64, 48, 3)
    assert np.abs(plain.astype(int) - upright).mean() < 25
    assert np.abs(plain.astype(int) - upright[::-1, ::-1]).mean() > 50
    assert (painted[:16, :12] == PADDING).all()
    assert (painted[20:, 20:] == plain[20:, 20:]).all()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 10**8), max_size=40),
    st.fractions(Fraction(1, 10), 60),
    st.integers(1, 10**8),
    st.integers(1, 10**7),
    st.sampled_from([None, Fraction(2), Fraction(1, 3), Fraction(30000, 1001)]),
)
def test_cuts_rise_and_lie_on_the_sampling_grid(
    keyframes: list[int], average: Fraction, duration_us: int, target_us: int, rate: Fraction | None
) -> None:
    info = VideoInfo("h264", 64, 48, 0, duration_us, average, tuple(sorted(keyframes)), None, b"")
    sampling = Sampling(SamplingMode.RATE, rate) if rate else EVERY
    cuts = cut_points(info, sampling, target_us)
    assert cuts[0] == 0
    assert cuts[-1] == END_US
    assert list(cuts) == sorted(set(cuts))
    for cut in cuts[1:-1]:
        assert cut - cuts[cuts.index(cut) - 1] >= target_us
        if rate:
            assert sampling.tick(cut) == sampling.tick(cut - 1) + 1


@pytest.mark.parametrize(
    "sampling",
    [*(pytest.param(each, marks=pytest.mark.slow) for each in _SAMPLINGS[:2]), *_SAMPLINGS[2:]],
    ids=_sampling_id,
)
def test_real_videos_give_the_same_frames_in_one_pass_and_in_parts(sampling: Sampling) -> None:
    for path in sorted((shared_data() / "videos").rglob("*.mp4")):
        info = info_of(path)
        whole = rows_of(path, 0, END_US, sampling)
        cuts = cut_points(info, sampling, 5_000_000)
        assert len(cuts) > 3
        assert [row for start, end in pairwise(cuts) for row in rows_of(path, start, end, sampling)] == whole
