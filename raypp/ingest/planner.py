"""From sources to segments: listing and identity happen once, before any work, and the plan is kept."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count, groupby

import numpy as np
import pyarrow as pa

from raypp.errors import ConflictError, OptionError
from raypp.ingest.cutting import Cutting, NewSources, cut_segments
from raypp.ingest.known_sources import KnownSources, sort_out, url_of
from raypp.ingest.plan import VeilPlan, stacked
from raypp.ingest.probing import Prober, SourceGroup, probe_here
from raypp.ingest.settings import VeilSettings
from raypp.ingest.source_views import ViewSet
from raypp.ingest.tombstones import are_forgotten
from raypp.ingest.view_planning import check_planned, check_views, plan_added
from raypp.media.capture_time import CaptureClock
from raypp.media.dataset import Dataset
from raypp.media.dataset_images import DatasetImage, folders_of
from raypp.media.discovery import Discovery
from raypp.media.masks import MaskSet
from raypp.media.source import SourceFile, SourceKind
from raypp.shards.receipt import Quarantined
from raypp.text.address import redacted
from raypp.text.split_names import TRAIN
from raypp.veil.key import SiteKey

PlanProgress = Callable[[int], None]
"""Is told how many more sources were looked at."""


def make_plan(
    discovery: Discovery,
    cutting: Cutting,
    earlier: VeilPlan,
    progress: PlanProgress | None = None,
    probe: Prober = probe_here,
) -> VeilPlan:
    """Plan the work on what was discovered.

    Sources of an earlier plan keep their segments whatever else arrives, so that finished work stays finished; only
    new sources are probed and cut. A source that moved is known by its identity, and so is one that was forgotten.

    Args:
        discovery: files and datasets found.
        cutting: settings and key of the job, and how many will work on it.
        earlier: the plan of the last run on this output, or an empty one.
        progress: is told of sources looked at.
        probe: looks into new sources.

    Raises:
        ConflictError: if a planned source is now to be veiled otherwise: as another camera, with another mask or clock,
            or without a view.
        OptionError: if a privacy mask or view is for a camera that there is not, or two cameras' frames would have one
            name.
    """
    settings = cutting.settings
    masks, views = settings.load_masks(), settings.load_views()
    _check_clock(earlier, settings)
    CaptureClock.parse(settings.time_from, settings.timezone)
    check_planned(views, earlier.sources)
    known, new = KnownSources(earlier.sources), NewSources(cutting)

    cameras: set[tuple[str, str]] = set()

    def unknown() -> Iterator[SourceGroup]:
        for group in _groups(discovery, settings, masks, views):
            cameras.add((group.site, group.camera))
            left = known.take_out(group)
            if progress:
                progress(len(group.names) - len(left.names))
            yield from left.parts()

    for group, outcomes in probe(unknown(), settings, cutting.key):
        new.add(group, outcomes)
        if progress:
            progress(len(group.names))
    unreadable = [
        Quarantined(source=redacted(problem.url), reason=redacted(problem.reason)) for problem in discovery.problems
    ]
    quarantined = tuple(unreadable + new.quarantined)
    _check_key(cutting, views, cameras)
    cameras |= earlier.cameras()
    check_views(views, cameras)
    _check_masks(masks, cameras, views)
    fresh, moved, duplicates = sort_out(known, np.array(new.places, dtype=np.int64), new.table)
    forgotten = are_forgotten(new.table.column("identity"), earlier.tombstones)
    passed_by = {url_of(new.table, row) for row in np.flatnonzero(forgotten).tolist()}
    sources, segments = cut_segments(new, fresh[~forgotten[fresh]])
    more_sources, more_segments = plan_added(views, moved, earlier.segment_rows, known.seen >= 0, cutting)
    return VeilPlan(
        stacked([moved, sources, more_sources]) if segments.num_rows or more_segments.num_rows else moved,
        pa.concat_tables([earlier.segment_rows, segments, more_segments]),
        quarantined=quarantined,
        duplicates=tuple(copy for copy in duplicates if copy.url not in passed_by),
        time_from=settings.time_from,
        timezone=settings.timezone,
        tombstones=earlier.tombstones,
        passed_by=len(passed_by),
    )


def _check_key(cutting: Cutting, views: ViewSet, cameras: set[tuple[str, str]]) -> None:
    """Raise KeyFileError for a view that a site's key cannot veil: once planned, it could not be left out any more."""
    if not isinstance(cutting.key, SiteKey):
        return
    for site, camera in sorted(cameras):
        for view in views.for_camera(site, camera).of(camera):
            if view.rectangle is not None:
                cutting.key.stream(cutting.settings.spec, site, view.camera)


def name_in_dataset(dataset: Dataset, image: DatasetImage) -> str:
    """Return the name that enters an image's identity: a dataset may hold the same image twice."""
    return f"{_dataset_name(dataset, image.split)}{image.file.relative}"


def _dataset_name(dataset: Dataset, split: str) -> str:
    return f"{dataset.name}/{split}/"


def _groups(
    discovery: Discovery, settings: VeilSettings, masks: MaskSet | None, views: ViewSet
) -> Iterator[SourceGroup]:
    """Put sources that are planned alike together, in order."""
    places = count()
    for group in _ungrouped(discovery, settings):
        mask = masks.for_camera(group.site, group.camera) if masks else None
        numbers = [next(places) for _ in group.names]
        yield group._replace(
            places=numbers,
            mask_digest=mask.digest if mask else None,
            views=views.for_camera(group.site, group.camera).word,
        )


def _ungrouped(discovery: Discovery, settings: VeilSettings) -> Iterator[SourceGroup]:
    for (_, kind, below, site, camera, start), files in groupby(discovery.files, _of_loose):
        named = camera or settings.camera or below.rstrip("/") or "camera"
        yield SourceGroup(*_columns(files), (), kind, site or settings.site, named, start, below, None, 0)
    for dataset in discovery.datasets:
        camera = settings.camera or dataset.name
        for images in folders_of(dataset.images):
            yield SourceGroup(
                images.folder,
                images.names,
                images.sizes,
                images.mtimes_ns,
                places=(),
                kind=SourceKind.IMAGE,
                site=settings.site,
                camera=camera,
                start=None,
                below=images.below,
                in_dataset=_dataset_name(dataset, images.split),
                variants=settings.variants if images.split == TRAIN else 0,
            )


def _columns(files: Iterable[SourceFile]) -> tuple[str, list[str], list[int], list[int | None]]:
    """Folder of files of one folder, and their names, sizes and times of change."""
    listed = list(files)
    places = [file.url.rpartition("/") for file in listed]
    names = [name for _, _, name in places]
    return places[0][0], names, [file.size for file in listed], [file.mtime_ns for file in listed]


def _of_loose(file: SourceFile) -> tuple[str, SourceKind, str, str | None, str | None, str | None]:
    below = file.relative[: file.relative.rfind("/") + 1]
    return file.url.rpartition("/")[0], file.kind, below, file.site, file.camera, file.start


def _check_clock(earlier: VeilPlan, settings: VeilSettings) -> None:
    if not earlier.segments:
        return
    for setting, was, now in (
        ("time_from", earlier.time_from, settings.time_from),
        ("timezone", earlier.timezone, settings.timezone),
    ):
        if was != now:
            raise ConflictError(
                f"output {settings.out} was begun with `{setting}` {was or 'left out'}, not {now or 'left out'}; "
                "use the same as before, or another `out`"
            )


def _check_masks(masks: MaskSet | None, cameras: set[tuple[str, str]], views: ViewSet) -> None:
    strangers = masks.strangers(cameras) if masks and cameras else []
    if not strangers:
        return
    for site, camera in sorted(cameras):
        streams = [view.camera for view in views.for_camera(site, camera).of(camera)]
        if strangers[0] in {*streams, *(f"{site}/{stream}" for stream in streams)}:
            raise OptionError(
                f"`masks_path` has a mask for the view {strangers[0]}; draw it on the whole frame, for {camera}: it "
                "holds in the camera's views"
            )
    known = ", ".join(f"{site}/{camera}" for site, camera in sorted(cameras)[:20])
    raise OptionError(f"`masks_path` has a mask for {strangers[0]}, but the cameras are {known}; correct the name")
