"""Recording what a camera of the sample sees: an H.264 video, with its boxes and its uses of tools beside it."""

import csv
import io
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

from raypp.demo.workshop.render import Visible

_CRF = "21"

Progress = Callable[[int], None]


class Eye(Protocol):
    """A camera of the sample; `classes` has the names of what it sees, by class_id."""

    classes: tuple[str, ...]

    def image(self, index: int, time_s: float) -> tuple[npt.NDArray[np.uint8], list[Visible]]:
        """Render a moment: uint8[H, W, 3], and what is visible."""
        ...


class _Rows(Protocol):
    """A CSV writer, as far as the sample needs one."""

    def writerow(self, row: Sequence[str], /) -> object:
        """Write one row."""


@dataclass(frozen=True)
class SampleVideo:
    """One video of the sample: where it is, what it shows, and its ground truth beside it."""

    path: Path
    site: str
    camera: str
    started_at: datetime
    labels_path: Path
    timeline_path: Path
    frames: int


@dataclass(frozen=True)
class PlannedVideo:
    """One video that is still to be recorded.

    Attributes:
        folder: where it goes; its name is the site's.
        camera: name of the camera.
        started_at: local time of the site.
        eye: who sees it.
        seconds: its length.
        uses: uses of tools: tool, number of the tool, first and last moment in seconds.
    """

    folder: Path
    camera: str
    started_at: datetime
    eye: Eye
    seconds: float
    uses: Sequence[tuple[str, int, float, float]]

    @property
    def path(self) -> Path:
        """The video's path; its truth lies beside it."""
        return self.folder / f"{self.camera}_{self.started_at:%Y%m%d_%H%M%S}.mp4"


def record_all(
    planned: Iterable[PlannedVideo], fps: int, size: tuple[int, int], progress: Progress | None
) -> list[SampleVideo]:
    """Record videos at once: encoding lets other threads run.

    Args:
        planned: what to record.
        fps: frames per second.
        size: width and height in pixels, even numbers.
        progress: called with the number of frames rendered since the last call.
    """
    lock = Lock()

    def advance(frames: int) -> None:
        with lock:
            if progress:
                progress(frames)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda video: _record(video, fps, size, advance), planned))


def write_inventory(root: Path, videos: Iterable[SampleVideo], classes: Iterable[str]) -> Path:
    """Write the inventory of videos, and the classes of their labels; return the inventory's path."""
    (root / "classes.txt").write_text("".join(f"{name}\n" for name in classes))
    inventory = root / "inventory.csv"
    rows = [f"{video.path.relative_to(root)},{video.site},{video.camera}\n" for video in videos]
    inventory.write_text("url,site,camera\n" + "".join(rows))
    return inventory


def _record(planned: PlannedVideo, fps: int, size: tuple[int, int], progress: Progress) -> SampleVideo:
    path = planned.path
    labels_path, timeline_path = path.with_suffix(".labels.csv"), path.with_suffix(".timeline.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = round(planned.seconds * fps)
    boxes = io.StringIO()
    writer = csv.writer(boxes, lineterminator="\n")
    writer.writerow(["time_s", "class", "x", "y", "w", "h"])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": _CRF, "preset": "veryfast", "g": str(2 * fps), "threads": "1"}
        for index in range(frames):
            image, visible = planned.eye.image(index, index / fps)
            _write_boxes(writer, index / fps, visible, size, planned.eye.classes)
            container.mux(stream.encode(_video_frame(image, index, fps)))
            progress(1)
        container.mux(stream.encode(None))
    labels_path.write_text(boxes.getvalue())
    rows = [f"{tool},{number},{start_s:.6f},{end_s:.6f}" for tool, number, start_s, end_s in planned.uses]
    timeline_path.write_text("\n".join(["tool,instance,start_s,end_s", *rows]) + "\n")
    return SampleVideo(path, path.parent.name, planned.camera, planned.started_at, labels_path, timeline_path, frames)


def _video_frame(image: npt.NDArray[np.uint8], index: int, fps: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    frame.pts, frame.time_base = index, Fraction(1, fps)
    return frame


def _write_boxes(
    writer: _Rows, time_s: float, visible: list[Visible], size: tuple[int, int], classes: Sequence[str]
) -> None:
    width, height = size
    moment = f"{time_s:.6f}"
    for seen in visible:
        left, top, right, bottom = seen.box
        numbers = (
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        writer.writerow([moment, classes[seen.class_id], *(f"{number:.6f}" for number in numbers)])
    if not visible:
        writer.writerow([moment, "", "", "", "", ""])
