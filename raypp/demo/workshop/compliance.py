"""The sample of sites with rules: benches with a procedure, and floors with zones, with exact truth of both."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raypp.demo.floor.camera import LABELLED, FloorCamera
from raypp.demo.procedures import PlantedDeviation, TrueExecution
from raypp.demo.site_settings import BENCH, FLOOR, compliance_site_settings
from raypp.demo.workshop.procedure import BenchPlan, PlannedBench, deal_kinds
from raypp.demo.workshop.recording import PlannedVideo, Progress, SampleVideo, record_all, write_inventory
from raypp.demo.workshop.render import Camera
from raypp.demo.workshop.sample import first_moment, scripted_uses
from raypp.demo.workshop.scene import make_bench, make_light
from raypp.demo.workshop.tools import BENCH_CLASSES, CLASSES, make_part, make_tool
from raypp.demo.yard.truth import make_yard_truth
from raypp.usage.metrics import LabelledSpan
from raypp.usage.settings import SiteSettings

_SIZE = (640, 360)
FLOOR_SHARE = 2 / 3
_FLOOR_SEED = 99
"""Tells the floor's chance from that of a bench of the same site."""


@dataclass(frozen=True)
class ComplianceSite:
    """One site: its two videos, which start together, and the truth of both.

    Attributes:
        bench, floor: the videos.
        executions: of the procedure; times in microseconds from the video's start.
        violations: of zones' rules, labelled with rule, zone and item; seconds from the video's start.
    """

    bench: SampleVideo
    floor: SampleVideo
    executions: tuple[TrueExecution, ...]
    violations: tuple[LabelledSpan, ...]

    @property
    def name(self) -> str:
        """The site's name."""
        return self.bench.site


@dataclass(frozen=True)
class ComplianceSample:
    """Sites with rules, and the inventory that names their cameras."""

    sites: tuple[ComplianceSite, ...]
    inventory: Path


def make_compliance_sample(
    out: Path, seed: int = 0, sites: int = 2, seconds: float = 30.0, fps: int = 5, progress: Progress | None = None
) -> ComplianceSample:
    """Make the sample of sites with rules.

    Args:
        out: folder to write into: hall-a/bench-1_YYYYmmdd_HHMMSS.mp4, hall-a/floor-1_YYYYmmdd_HHMMSS.mp4 and so on,
            each with its boxes (`.labels.csv`), its uses of tools (`.timeline.csv`), and its executions
            (`.executions.csv`) or violations (`.violations.csv`).
        seed: the same seed gives the same ground truth to the byte, and the same videos on the same library versions.
        sites: number of sites; two have every deviation.
        seconds: length of a bench's video; a floor's is two thirds of it.
        fps: frames per second.
        progress: called with the number of frames rendered since the last call.
    """
    out.mkdir(parents=True, exist_ok=True)
    floor_s = FLOOR_SHARE * seconds
    benches, floors, plans, cameras = [], [], [], []
    for site in range(sites):
        folder = out / f"hall-{chr(ord('a') + site)}"
        generator = np.random.default_rng([seed, site, 0])
        started_at = first_moment(generator)
        eye, plan = make_procedure_camera(seconds, deal_kinds(seed, site), generator)
        benches.append(PlannedVideo(folder, BENCH, started_at, eye, seconds, scripted_uses(plan.script)))
        camera = FloorCamera.make(floor_s, np.random.default_rng([seed, site, _FLOOR_SEED]))
        floors.append(PlannedVideo(folder, FLOOR, started_at, camera, floor_s, ()))
        plans.append(plan)
        cameras.append(camera)
    videos = record_all([*benches, *floors], fps, _SIZE, progress)
    inventory = write_inventory(out, videos, dict.fromkeys((*BENCH_CLASSES, *LABELLED)))
    truths = zip(videos[:sites], videos[sites:], plans, cameras, strict=True)
    return ComplianceSample(tuple(_site(*truth, fps) for truth in truths), inventory)


def make_procedure_camera(
    seconds: float, kinds: tuple[PlantedDeviation | None, ...], generator: np.random.Generator
) -> tuple[Camera, PlannedBench]:
    """Make a bench with a tool of each class and a part, what is done there, and who sees it.

    Args:
        seconds: how long something happens.
        kinds: deviations of the executions in turn, None for none.
        generator: chooses everything else.
    """
    tools = [*(make_tool(class_id, generator) for class_id in range(len(CLASSES))), make_part(generator)]
    plan = BenchPlan(_SIZE, generator).write(seconds, kinds)
    return Camera(make_bench(_SIZE, generator), tools, plan.script, make_light(_SIZE, generator), generator), plan


def _site(bench: SampleVideo, floor: SampleVideo, plan: PlannedBench, camera: FloorCamera, fps: int) -> ComplianceSite:
    """Work out the truth of a site's floor, and write all truth beside the videos."""
    settings = SiteSettings.parse(compliance_site_settings(bench.site), f"settings of {bench.site}")
    frames = [camera.truth(index, index / fps) for index in range(floor.frames)]
    truth = make_yard_truth(frames, settings.cameras[FLOOR].zones, settings.followed, fps)
    done = [row for execution in plan.executions for row in _execution_rows(execution)]
    _write(bench.path.with_suffix(".executions.csv"), ("start_s", "end_s", "deviation", "steps"), done)
    violations = [(*parts(span), f"{span.start_s:.6f}", f"{span.end_s:.6f}") for span in truth.violations]
    _write(floor.path.with_suffix(".violations.csv"), ("rule", "zone", "item", "start_s", "end_s"), violations)
    return ComplianceSite(bench, floor, plan.executions, truth.violations)


def parts(span: LabelledSpan) -> tuple[str, ...]:
    """Return the parts of a span's label: rule, zone and item."""
    return tuple(str(part) for part in span.label) if isinstance(span.label, tuple) else (str(span.label),)


def _execution_rows(execution: TrueExecution) -> list[tuple[str, ...]]:
    """Return a row for each deviation of an execution; one with empty cells where it has none."""
    times = f"{execution.start_us / 1e6:.6f}", f"{execution.end_us / 1e6:.6f}"
    planted = [(kind.value, " ".join(sorted(steps))) for kind, steps in execution.planted]
    return [(*times, *deviation) for deviation in planted or [("", "")]]


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
