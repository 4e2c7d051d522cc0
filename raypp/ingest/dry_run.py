"""The dry run: what a job would do, with costs measured on a sample, and nothing written."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from time import process_time

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import MediaError
from raypp.ingest.cutting import Cutting
from raypp.ingest.expectation import expected_bytes, expected_frames
from raypp.ingest.ignored import IGNORED, IGNORED_FILES, named_ignored, others_in_words
from raypp.ingest.job import require_sources
from raypp.ingest.label_reading import read_all_labels
from raypp.ingest.plan import VeilPlan
from raypp.ingest.planner import make_plan
from raypp.ingest.segment import Item, Segment
from raypp.ingest.settings import VeilSettings
from raypp.ingest.summary import labels_sentence
from raypp.ingest.variants import frame_versions
from raypp.ingest.worker import SegmentWorker, item_frames
from raypp.media.dataset import LabelCount
from raypp.media.discovery import discover
from raypp.media.files import open_source
from raypp.media.source import SourceKind
from raypp.media.timeline import DecodeReport
from raypp.progress import Progress
from raypp.shards.receipt import Quarantined
from raypp.text.address import redacted
from raypp.text.wording import counted, lasting
from raypp.veil.packing import pack

_SAMPLED_SOURCES = 5
_SAMPLED_CPU_S = 1.0
_TOLD_CORE_HOURS = 0.1
_WHOLE_US = 1 << 62

_Alike = tuple[SourceKind, int, int]
"""Kind of a source, and numbers of its variants and views."""


class Survey(BaseModel):
    """Result of `raypp veil --dry-run`."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    videos: int
    images: int
    codecs: dict[str, int] = Field(description="number of videos by codec")
    hours: float = Field(description="hours of video")
    source_gb: float
    segments: int = Field(description="units of work, and so the most that can run at once")
    frames: int = Field(
        description="frames expected, by what the containers say, without variants; each view of a frame is one"
    )
    views: int = Field(description="how many of those frames are views of parts")
    variants: int = Field(description="variants of frames expected")
    expected_gb: float = Field(description="gigabytes of codes before compression")
    core_hours: float = Field(description="core-hours of decoding and veiling, variants and all, measured on a sample")
    expected_s: float = Field(description="seconds that this would take on all CPUs of this machine, from a warm start")
    sampled_frames: int
    duplicates: int
    quarantined: tuple[Quarantined, ...] = Field(description="sources that cannot be opened, or failed in the sample")
    ignored_files: int = Field(description=IGNORED_FILES)
    ignored: tuple[str, ...] = Field(description=IGNORED)
    label_count: LabelCount = Field(description="images with labels, without, and with labels that cannot be used")
    label_problems: tuple[str, ...] = Field(description="labels that cannot be used, and why")
    label_notes: tuple[str, ...] = Field(description="what is odd about labels, and costs none that are wanted")
    boxes_clipped: int
    rows_repeated: int


def survey(settings: VeilSettings, sources: Sequence[str], progress: Progress, workers: int = 1) -> Survey:
    """Discover, plan, and veil about five seconds' worth of each kind of source in memory; writes nothing.

    Args:
        settings: as for the job.
        sources: as for the job.
        progress: shows progress.
        workers: how many would work at once.

    Raises:
        RayppError: as the job itself would for what was asked.
    """
    settings.check()
    worker = SegmentWorker.open(settings)
    discovery = discover(sources)
    require_sources(discovery, sources)
    labels = read_all_labels(discovery)
    total = len(discovery.files) + sum(len(dataset.images) for dataset in discovery.datasets)
    with progress.task("looking at sources", total) as advance:
        cutting = Cutting(settings, worker.key, workers)
        plan = make_plan(discovery, cutting, VeilPlan(), lambda more: advance(more, f"{total} sources", 0))
    cost = _Cost(worker)
    for item in _samples(plan):
        cost.sample(item)
    sums = _Sums()
    for item in plan.items():
        sums.add(item, settings, cost)
    return Survey(
        veil_id=worker.veil.veil_id,
        videos=sums.videos,
        images=sums.images,
        codecs=dict(sums.codecs),
        hours=sums.video_us / 3.6e9,
        source_gb=sums.source_bytes / 1e9,
        segments=len(plan.segments),
        frames=round(sums.frames),
        views=round(sums.views),
        variants=round(sums.variants),
        expected_gb=sums.code_bytes / 1e9,
        core_hours=sums.core_s / 3600,
        expected_s=sums.core_s / max(1, min(_cpus(), len(plan.segments))),
        sampled_frames=cost.frames,
        duplicates=len(plan.duplicates),
        quarantined=(*plan.quarantined, *cost.failed),
        ignored_files=len(discovery.ignored),
        ignored=named_ignored(discovery),
        label_count=labels.count,
        label_problems=tuple(map(redacted, labels.problems)),
        label_notes=tuple(map(redacted, labels.notes)),
        boxes_clipped=labels.clipped,
        rows_repeated=labels.repeated,
    )


@dataclass
class _Sums:
    """Sums over sources, as they come: millions of sources have no room in memory."""

    videos: int = 0
    images: int = 0
    codecs: Counter[str] = field(default_factory=Counter)
    video_us: int = 0
    source_bytes: int = 0
    frames: float = 0.0
    views: float = 0.0
    variants: float = 0.0
    code_bytes: float = 0.0
    core_s: float = 0.0

    def add(self, item: Item, settings: VeilSettings, cost: "_Cost") -> None:
        frames = expected_frames(item, settings)
        if item.info is None:
            self.images += 1
        else:
            self.videos += 1
            self.codecs[item.info.codec] += 1
            self.video_us += item.info.duration_us
        self.source_bytes += item.size
        self.frames += frames
        self.views += _parts(item) * frames
        self.variants += item.variants * frames
        self.code_bytes += expected_bytes(item, settings)
        self.core_s += cost.expected_s(item)


def _samples(plan: VeilPlan) -> Iterator[Item]:
    """Choose some sources of each kind that costs the same, evenly over all of that kind."""
    counts = Counter(map(_alike, plan.items()))
    chosen: dict[_Alike, list[Item]] = {alike: [] for alike in counts}
    seen: Counter[_Alike] = Counter()
    for item in plan.items():
        alike = _alike(item)
        if seen[alike] % max(1, counts[alike] // _SAMPLED_SOURCES) == 0 and len(chosen[alike]) < _SAMPLED_SOURCES:
            chosen[alike].append(item)
        seen[alike] += 1
    return chain.from_iterable(chosen.values())


def _alike(item: Item) -> _Alike:
    return item.kind, item.variants, len(item.all_views)


def _parts(item: Item) -> float:
    """Share of a source's frames that are views of parts."""
    views = item.all_views
    return sum(view.rectangle is not None for view in views) / len(views)


class _Cost:
    """CPU seconds per second of video and per image, measured for each kind of source."""

    def __init__(self, worker: SegmentWorker) -> None:
        self.worker = worker
        self.frames = 0
        self.failed: list[Quarantined] = []
        self._spent: dict[_Alike, float] = defaultdict(float)
        self._covered: dict[_Alike, float] = defaultdict(float)

    def sample(self, item: Item) -> None:
        """Veil a little of a source in memory."""
        settings = self.worker.settings
        views = item.all_views
        encoders = [self.worker.encoder(item, view) for view in views]
        started = process_time()
        covered = 0.0
        try:
            stream = open_source(item.url)
            try:
                whole = Segment(segment_id="", items=(item,), start_us=0, end_us=_WHOLE_US)
                for frames in item_frames(item, whole, self.worker, stream, DecodeReport()):
                    for view, encoder, frame in zip(views, encoders, frames, strict=True):
                        for version in frame_versions(frame, view, item, self.worker):
                            pack(encoder.encode(version.pixels[None])[0], settings.spec.bits)
                    self.frames += len(frames)
                    covered = 1.0 if item.info is None else max(frames[0].timestamp_us / 1e6, 1e-3)
                    if process_time() - started > _SAMPLED_CPU_S:
                        break
                else:
                    covered = 1.0 if item.info is None else max(item.info.duration_us / 1e6, covered)
            finally:
                stream.close()
        except MediaError as error:
            self.failed.append(Quarantined(source=redacted(item.url), reason=str(error)))
            return
        self._spent[_alike(item)] += process_time() - started
        self._covered[_alike(item)] += covered

    def expected_s(self, item: Item) -> float:
        """Expected CPU seconds of a source; 0 where nothing of its kind was sampled."""
        amount = 1.0 if item.info is None else item.info.duration_us / 1e6
        alike = _alike(item)
        covered = self._covered[alike]
        return self._spent[alike] / covered * amount if covered else 0.0


def _cpus() -> int:
    return os.cpu_count() or 1


def survey_lines(survey: Survey) -> Iterator[str]:
    """Word a survey for people, line by line."""
    codecs = ", ".join(f"{count} {codec}" for codec, count in sorted(survey.codecs.items())) or "none"
    variants = f" and {counted(survey.variants, 'variant')} of them" if survey.variants else ""
    views = f" ({survey.views} of them views)" if survey.views else ""
    frames, duplicates = counted(survey.frames, "frame") + views, counted(survey.duplicates, "duplicate")
    takes = f"about {lasting(max(1.0, survey.expected_s))} on this machine, once workers have started"
    if survey.core_hours >= _TOLD_CORE_HOURS:
        takes += f"; {survey.core_hours:.1f} core-hours"
    others = others_in_words(survey.ignored_files, survey.ignored)
    labelled = labels_sentence(survey.label_count, survey.boxes_clipped, survey.rows_repeated)
    for name, text in (
        ("videos", f"{survey.videos} ({codecs}), {survey.hours:.2f} hours"),
        ("images", str(survey.images)),
        ("sources", f"{survey.source_gb:.3f} GB, {duplicates}, {others}"),
        ("would write", f"{frames}{variants}, {survey.expected_gb:.3f} GB, {counted(survey.segments, 'segment')}"),
        ("would take", f"{takes} (from {counted(survey.sampled_frames, 'sampled frame')})"),
        *((("labelled", labelled),) if survey.label_count != LabelCount() else ()),
        ("veil", survey.veil_id),
    ):
        yield f"{name:<14}{text}"
    for source in survey.quarantined:
        yield f"bad file      {redacted(source.line)}"
    for title, lines in (("bad labels", survey.label_problems), ("on labels", survey.label_notes)):
        for line in lines[:20]:
            yield f"{title:<14}{redacted(line)}"
    yield "dry run: nothing was written"
