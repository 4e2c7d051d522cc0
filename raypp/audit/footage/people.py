"""People whom fixed cameras saw for a while, told apart by following each through the plain video."""

from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np

from raypp.audit.core.model import Frames, Images, People
from raypp.audit.footage.evidence import CAMERA, CELL
from raypp.audit.footage.tracks import Corners, Spot, tracked
from raypp.detect.public import open_public
from raypp.errors import MediaError
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.discovery import discover
from raypp.media.files import open_source
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.source import SourceKind
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode

LEAST_PEOPLE = 4
"""Fewest people of one video that tell anything: two to learn from, and two to be told apart."""
_RATE = Fraction(5)
_SURE = 0.4
_PERSON = "person"
_LEAST_US = 2_000_000
_SEEN, _MOST_PEOPLE = 24, 40
"""Boxes of each track that are kept, evenly, and tracks, the longest."""

Finder: TypeAlias = Callable[[Frames], Corners]
"""Finds boxes on one frame, uint8[H, W, 3]."""
_Kept: TypeAlias = tuple[int, int, Frames, Corners]
"""Video, time in microseconds, frame and box."""


def videos_of(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the videos among sources, by URL or path."""
    return tuple(file.url for file in discover(sources).files if file.kind is SourceKind.VIDEO)


def bodies_by(weights: Path) -> Finder | None:
    """Return what finds people by public weights; None if those know no class `person`.

    Raises:
        ModelError: if the weights cannot be read.
    """
    detector = open_public(weights)
    names = dict(detector.model.names) if detector else {}
    wanted = next((number for number, name in names.items() if name == _PERSON), None)
    if detector is None or wanted is None:
        return None

    def find(frame: Frames) -> Corners:
        sightings = detector.find(frame, _SURE)
        boxes: Corners = sightings.boxes_P4[sightings.classes_P == wanted]
        return boxes

    return find


def faces_by_recogniser(frame: Frames) -> Corners:
    """Return the faces of a frame; needs recognisers."""
    from raypp.audit.recognition.enlarging import enlarged  # noqa: PLC0415 - recognisers are an extra
    from raypp.audit.recognition.faces import find  # noqa: PLC0415

    large = enlarged(frame)
    boxes: Corners = (find(large).reshape(-1, 4) * (frame.shape[0] / large.shape[0])).astype(np.float32)
    return boxes


def gather_people(videos: Sequence[str], size: int, weights: Path | None, longest_s: int) -> People | str:
    """Follow people, or faces, through videos.

    Args:
        videos: by URL or path.
        size: side of the letterboxed square, in pixels.
        weights: public weights that find people; None to find faces, by recognisers.
        longest_s: of all videos together, in seconds; of each an even share is looked at, in its middle.

    Returns:
        Who was followed for two seconds or longer; or, in words, why that tells nothing.

    Raises:
        MediaError, ModelError: if videos or weights cannot be read.
    """
    find = bodies_by(weights) if weights else faces_by_recogniser
    if find is None:
        return f"the weights know no class {_PERSON}"
    tracks = [
        track for number, url in enumerate(videos) for track in _video(number, url, size, find, longest_s / len(videos))
    ]
    tracks = sorted(tracks, key=lambda track: track[0][1] - track[-1][1])[:_MOST_PEOPLE]
    return together(tracks, "people" if weights else "faces")


def together(tracks: list[list[_Kept]], what: str) -> People | str:
    """Put tracks together, those of frames of the commonest shape; or say that no video shows enough of them."""
    shapes = Counter(track[0][2].shape for track in tracks)
    mine = [track for track in tracks if track[0][2].shape == shapes.most_common(1)[0][0]]
    most = max(Counter(track[0][0] for track in mine).values(), default=0)
    if most < LEAST_PEOPLE:
        return f"of {what}, {most} can be followed for {_LEAST_US // 1_000_000} s in one video; it takes {LEAST_PEOPLE}"
    kept = [spot for track in mine for spot in track]
    frames = np.stack([frame for _, _, frame, _ in kept])
    return People(
        images=Images(frames, (CAMERA,) * len(kept), ((),) * len(kept)),
        corners_N4=np.stack([corners for _, _, _, corners in kept]).astype(np.float64),
        person_N=np.repeat(np.arange(len(mine)), [len(track) for track in mine]),
        video_N=np.array([video for video, _, _, _ in kept]),
        times_us_N=np.array([time_us for _, time_us, _, _ in kept]),
    )


def _video(number: int, url: str, size: int, find: Finder, longest_s: float) -> list[list[_Kept]]:
    """Tracks of a video's middle, each thinned."""
    stream = open_source(url)
    try:
        info = probe(stream)
        half_us = round(longest_s * 500_000)
        start_us, end_us = (max(0, info.duration_us // 2 + way * half_us) for way in (-1, 1))
        box = Letterbox(size, CELL, info.width, info.height)
        sampling, report = Sampling(SamplingMode.RATE, _RATE), DecodeReport()
        seen = [
            (frame.timestamp_us, frame.pixels, find(frame.pixels))
            for frame in decode(stream, info, start_us, end_us, sampling, box, None, report=report)
            if frame.fits(box)
        ]
    except MediaError as error:
        raise MediaError(f"video {url}: {error}") from None
    finally:
        stream.close()
    times_us = [time_us for time_us, _, _ in seen]
    tracks = tracked([boxes for _, _, boxes in seen], times_us)
    lasting = [
        track for track in tracks if len(track) > 1 and times_us[track[-1][0]] - times_us[track[0][0]] >= _LEAST_US
    ]
    return [
        [(number, *seen[frame][:2], seen[frame][2][place]) for frame, place in _thinned(track)] for track in lasting
    ]


def _thinned(track: list[Spot]) -> list[Spot]:
    """At most 24 boxes of a track, evenly."""
    places = np.linspace(0, len(track) - 1, min(_SEEN, len(track))).astype(int)
    return [track[place] for place in np.unique(places)]
