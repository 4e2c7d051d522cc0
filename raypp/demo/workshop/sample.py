"""The sample archive: H.264 videos of a workshop at two sites, with exact ground truth, deterministic by seed."""

import csv
import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import product
from pathlib import Path
from threading import Lock
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

from raypp.demo.workshop.render import Camera, VisibleTool
from raypp.demo.workshop.scene import make_bench, make_light
from raypp.demo.workshop.script import Script, make_script
from raypp.demo.workshop.tools import CLASSES, Tool, make_tool

_FIRST_VIDEO = datetime(2026, 3, 2, 6, 0, 0)  # noqa: DTZ001 - local time of the site, as cameras name their files
_CRF = "21"

Progress = Callable[[int], None]


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
class Sample:
    """The sample archive, and the inventory that names its sites and cameras."""

    root: Path
    videos: tuple[SampleVideo, ...]
    inventory: Path


def make_sample(
    out: str | Path,
    seed: int = 0,
    sites: int = 2,
    cameras: int = 1,
    seconds: float = 40.0,
    fps: int = 10,
    size: tuple[int, int] = (640, 360),
    progress: Progress | None = None,
) -> Sample:
    """Make the sample archive.

    Args:
        out: folder to write into: site-a/bench-1_YYYYmmdd_HHMMSS.mp4 and so on, each with its boxes
            (`.labels.csv`) and its tool uses (`.timeline.csv`).
        seed: the same seed gives the same ground truth to the byte, and the same videos on the same library versions.
        sites: number of sites.
        cameras: cameras of each site.
        seconds: length of each video.
        fps: frames per second.
        size: width and height in pixels, even numbers.
        progress: called with the number of frames rendered since the last call.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))

    def video(site: int, camera: int) -> SampleVideo:
        generator = np.random.default_rng([seed, site, camera])
        started = _FIRST_VIDEO + timedelta(minutes=int(generator.integers(0, 180)))
        name = f"bench-{camera + 1}"
        path = out / f"site-{chr(ord('a') + site)}" / f"{name}_{started:%Y%m%d_%H%M%S}.mp4"
        return _video(path, name, started, seconds, fps, size, generator, advance)

    lock = Lock()

    def advance(frames: int) -> None:
        with lock:
            if progress:
                progress(frames)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # encoding lets other threads run
        videos = list(pool.map(video, *zip(*product(range(sites), range(cameras)), strict=True)))
    inventory = out / "inventory.csv"
    rows = [f"{video.path.relative_to(out)},{video.site},{video.camera}\n" for video in videos]
    inventory.write_text("url,site,camera\n" + "".join(rows))
    return Sample(out, tuple(videos), inventory)


def make_camera(seconds: float, size: tuple[int, int], generator: np.random.Generator) -> tuple[Camera, Script]:
    """Make a bench with tools of its own, one of each class and a sixth, what happens on it, and who sees it.

    Args:
        seconds: how long something happens.
        size: width and height in pixels.
        generator: chooses everything.
    """
    classes = [*range(len(CLASSES)), int(generator.integers(len(CLASSES)))]
    tools: list[Tool] = [make_tool(class_id, generator) for class_id in classes]
    script = make_script(classes, seconds, size, generator)
    return Camera(make_bench(size, generator), tools, script, make_light(size, generator), generator), script


def _video(
    path: Path,
    camera: str,
    started: datetime,
    seconds: float,
    fps: int,
    size: tuple[int, int],
    generator: np.random.Generator,
    progress: Progress,
) -> SampleVideo:
    eye, script = make_camera(seconds, size, generator)
    labels_path, timeline_path = path.with_suffix(".labels.csv"), path.with_suffix(".timeline.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = round(seconds * fps)
    boxes = io.StringIO()
    writer = csv.writer(boxes, lineterminator="\n")
    writer.writerow(["time_s", "class", "x", "y", "w", "h"])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": _CRF, "preset": "veryfast", "g": str(2 * fps), "threads": "1"}
        for index in range(frames):
            image, visible = eye.image(index, index / fps)
            _write_boxes(writer, index / fps, visible, size)
            container.mux(stream.encode(_video_frame(image, index, fps)))
            progress(1)
        container.mux(stream.encode(None))
    labels_path.write_text(boxes.getvalue())
    timeline_path.write_text(_timeline(script))
    return SampleVideo(path, path.parent.name, camera, started, labels_path, timeline_path, frames)


def _video_frame(image: npt.NDArray[np.uint8], index: int, fps: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    frame.pts, frame.time_base = index, Fraction(1, fps)
    return frame


def _write_boxes(writer: _Rows, time_s: float, visible: list[VisibleTool], size: tuple[int, int]) -> None:
    width, height = size
    moment = f"{time_s:.6f}"
    for tool in visible:
        left, top, right, bottom = tool.box
        numbers = (
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        writer.writerow([moment, CLASSES[tool.class_id], *(f"{number:.6f}" for number in numbers)])
    if not visible:
        writer.writerow([moment, "", "", "", "", ""])


def _timeline(script: Script) -> str:
    rows = ["tool,instance,start_s,end_s"]
    rows += [f"{CLASSES[use.class_id]},{use.instance},{use.start_s:.6f},{use.end_s:.6f}" for use in script.uses]
    return "\n".join(rows) + "\n"
