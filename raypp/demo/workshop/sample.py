"""The sample archive: H.264 videos of a workshop at two sites, with exact ground truth, deterministic by seed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np

from raypp.demo.workshop.recording import PlannedVideo, Progress, SampleVideo, record_all, write_inventory
from raypp.demo.workshop.render import Camera
from raypp.demo.workshop.scene import NOISES, make_bench, make_light
from raypp.demo.workshop.script import Script, make_script
from raypp.demo.workshop.tools import CLASSES, Tool, make_tool

_FIRST_VIDEO = datetime(2026, 3, 2, 6, 0, 0)  # noqa: DTZ001 - local time of the site, as cameras name their files


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

    def planned(site: int, camera: int) -> PlannedVideo:
        generator = np.random.default_rng([seed, site, camera])
        started_at = first_moment(generator)
        eye, script = make_camera(seconds, size, generator)
        return PlannedVideo(
            out / f"site-{chr(ord('a') + site)}", f"bench-{camera + 1}", started_at, eye, seconds, scripted_uses(script)
        )

    all_planned = [planned(site, camera) for site, camera in product(range(sites), range(cameras))]
    videos = record_all(all_planned, fps, size, progress)
    return Sample(out, tuple(videos), write_inventory(out, videos, CLASSES))


def make_camera(
    seconds: float, size: tuple[int, int], generator: np.random.Generator, noises: int = NOISES
) -> tuple[Camera, Script]:
    """Make a bench with tools of its own, one of each class and a sixth, what happens on it, and who sees it.

    Args:
        seconds: how long something happens.
        size: width and height in pixels.
        generator: chooses everything.
        noises: number of images of noise, which frames take in turn.
    """
    classes = [*range(len(CLASSES)), int(generator.integers(len(CLASSES)))]
    tools: list[Tool] = [make_tool(class_id, generator) for class_id in classes]
    script = make_script(classes, seconds, size, generator)
    return Camera(make_bench(size, generator), tools, script, make_light(size, generator, noises), generator), script


def first_moment(generator: np.random.Generator) -> datetime:
    """Choose when a video starts."""
    return _FIRST_VIDEO + timedelta(minutes=int(generator.integers(0, 180)))


def scripted_uses(script: Script) -> list[tuple[str, int, float, float]]:
    """Return the uses of tools of a script: tool, number of the tool, first and last moment."""
    tools = [use for use in script.uses if use.class_id < len(CLASSES)]
    return [(CLASSES[use.class_id], use.instance, use.start_s, use.end_s) for use in tools]
