"""Labels of videos: from a sidecar by time, or from a labelling tool's document by number of frame."""

from collections.abc import Sequence
from dataclasses import dataclass

from raypp.errors import LabelError, MediaError
from raypp.media.annotations.boxes import image_labels
from raypp.media.annotations.content import read_document_text
from raypp.media.annotations.document import VideoAnnotation
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sidecar import Named, Sidecar, read_sidecar
from raypp.media.video import presentation_times

SIDECAR_SUFFIX = ".labels.csv"
SIDECAR_TOLERANCE_US = 20_000


@dataclass(frozen=True)
class VideoLabels:
    """Labels of one video.

    Attributes:
        moments: the annotated presentation times with their boxes.
        tolerance_us: how far a frame may lie from the moment whose labels it takes.
        problem: why some moments are left out, or None.
    """

    moments: Sidecar
    tolerance_us: int
    problem: str | None = None


def labels_of_video(url: str, documented: VideoAnnotation | None) -> VideoLabels | None:
    """Read the labels of a video, from its sidecar or what a document says of it; None if there are none.

    Raises:
        LabelError: if they cannot be used, or there are both.
        MediaError: if the video cannot be decoded.
    """
    labels = sidecar_of(url)
    if documented is None:
        return labels
    if labels is not None:
        raise LabelError(f"{documented.where} and a sidecar both label {url}; remove one of them")
    return at_frames(url, documented)


def sidecar_of(url: str) -> VideoLabels | None:
    """Read the sidecar of a video; None if there is none.

    Raises:
        LabelError: naming the file and line.
    """
    place = url.rpartition(".")[0] + SIDECAR_SUFFIX
    try:
        text = read_document_text(place)
    except MediaError:
        return None  # most videos have none
    return VideoLabels(read_sidecar(text, place), SIDECAR_TOLERANCE_US)


def at_frames(url: str, video: VideoAnnotation) -> VideoLabels:
    """Bring labels by number of frame to the presentation times of those frames.

    Frames are numbered in the order in which they are shown. A tool that numbers by a rate of its own, and counts more
    or fewer frames than the video has, is taken by time.

    Args:
        url: the video.
        video: its labels.

    Raises:
        LabelError: if the labels are of frames of another shape.
        MediaError: if the video cannot be decoded.
    """
    stream = open_source(url)
    try:
        info = probe(stream)
        if video.extent != (100.0, 100.0):
            check_shape(video.extent, (info.width, info.height), f"{video.where}: {url}")
        times = presentation_times(stream, info)
    finally:
        stream.close()
    rate = None if video.rate is None or video.last + 1 == len(times) else video.rate
    moments: dict[int, tuple[Named, ...]] = {}
    problems = []
    for number, time_us in enumerate(times):
        frame = number if rate is None else round(time_us / 1e6 * rate)
        try:
            named = _named(video, frame)
        except LabelError as error:
            problems.append(str(error))
            continue
        if named is not None:
            moments[time_us] = named
    if rate is None and video.last >= len(times):
        problems.append(
            f"{video.where} labels frames up to {video.last}, and {url} has {len(times)}, numbered from 0; "
            "export the labels of this very video"
        )
    return VideoLabels(Sidecar(tuple(moments), tuple(moments.values())), 0, _together(problems))


def check_shape(labelled_size: Sequence[float], size: tuple[int, int], place: str) -> None:
    """Check that labels are of an image of this shape; raises LabelError if not, as where one of both was turned."""
    width, height = labelled_size
    if abs(width * size[1] - height * size[0]) > 0.01 * max(width * size[1], height * size[0]) + max(width, height):
        raise LabelError(
            f"{place}: its labels are of an image of {width:.0f}x{height:.0f}, and it has {size[0]}x{size[1]}; "
            "label the image as it is shown (turned by its EXIF), or export labels and image together"
        )


def _named(video: VideoAnnotation, frame: int) -> tuple[Named, ...] | None:
    shapes = video.shapes_at(frame)
    if shapes is None:
        return None
    names = list(dict.fromkeys(shape.name for shape in shapes))
    numbers = {name: number for number, name in enumerate(names)}
    labels = image_labels(shapes, video.extent, numbers, f"{video.where}: frame {frame}")
    return tuple((names[box.class_id], box) for box in labels.boxes)


def _together(problems: Sequence[str]) -> str | None:
    more = f" (and {len(problems) - 1} more frames)" if len(problems) > 1 else ""
    return problems[0] + more if problems else None
