"""Ground truth of the demo's benches without rendering an image: boxes of every frame, and uses."""

from dataclasses import dataclass

import numpy as np

from raypp.demo.site_settings import sample_site_settings
from raypp.demo.workshop.render import Camera
from raypp.demo.workshop.sample import make_camera
from raypp.demo.workshop.script import Script
from raypp.demo.workshop.tools import CLASSES
from raypp.usage.metrics import LabelledSpan
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.settings import SiteSettings

SIZE = (640, 360)
GAP_S = SiteSettings.parse(sample_site_settings("site-a"), "demo").tools[0].max_gap_s


@dataclass(frozen=True)
class RenderedBench:
    """Frames as a perfect detector sees them, and the script they follow."""

    frames: list[SeenFrame]
    script: Script


def make_bench_truth(seed: int, seconds: float, fps: float = 10, site: int = 0, camera: int = 0) -> RenderedBench:
    """The truth that `raypp.demo.workshop.sample` writes for a video (see test_true), without drawing it."""
    generator = np.random.default_rng([seed, site, camera])
    generator.integers(0, 180)  # the video's start
    eye, script = make_camera(seconds, SIZE, generator)
    return RenderedBench([_seen(eye, script, index, fps) for index in range(round(seconds * fps))], script)


def _seen(eye: Camera, script: Script, index: int, fps: float) -> SeenFrame:
    time_s = index / fps
    resting = [script.resting(number, time_s) for number in range(len(script.first))]
    lying = [(number, eye._place_tool(number, pose)) for number, pose in enumerate(resting) if pose is not None]
    width, height = SIZE
    detections = tuple(
        Detection(
            tool.class_id, 1.0, tool.box[0] / width, tool.box[1] / height, tool.box[2] / width, tool.box[3] / height
        )
        for tool in eye._visible(lying + eye._moving(time_s), SIZE)
    )
    return SeenFrame(index, round(time_s * 1e6), Observation.OBSERVED, detections)


def true_uses(script: Script) -> list[LabelledSpan]:
    """Uses by class, as an episode is defined: breaks up to max_gap_s are bridged (a bench has two of one class)."""
    spans: list[LabelledSpan] = []
    for class_id, name in enumerate(CLASSES):
        own: list[LabelledSpan] = []
        for use in (use for use in script.uses if use.class_id == class_id):
            if own and use.start_s - own[-1].end_s <= GAP_S:
                own[-1] = LabelledSpan(name, own[-1].start_s, max(own[-1].end_s, use.end_s))
            else:
                own.append(LabelledSpan(name, use.start_s, use.end_s))
        spans += own
    return spans
