"""From sources to segments: listing and identity happen once, before any work, and the plan is kept."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from raypp.errors import ConflictError, MediaError, OptionError
from raypp.ingest.archive_id import pseudonym, source_identity
from raypp.ingest.cutting import Cutting, cut_segments
from raypp.ingest.segment import Item, Segment
from raypp.ingest.settings import VeilSettings
from raypp.media.capture_time import CaptureClock
from raypp.media.container import VideoInfo, probe
from raypp.media.dataset import Dataset, DatasetImage
from raypp.media.discovery import Discovery
from raypp.media.files import open_source
from raypp.media.image import taken_at
from raypp.media.masks import MaskSet
from raypp.media.source import SourceFile, SourceKind
from raypp.shards.receipt import Quarantined
from raypp.text.address import redacted
from raypp.text.split_names import TRAIN
from raypp.veil.key import Keyring

_PROBE_THREADS = 8

PlanProgress = Callable[[int, int], None]


class Duplicate(BaseModel):
    """A file with the content of another one; it is veiled once."""

    model_config = ConfigDict(frozen=True)

    url: str
    original: str


class VeilPlan(BaseModel):
    """Everything a job knows before it starts; kept on the owner's side so that a later run cuts nothing anew.

    Attributes:
        segments: units of work in the order they are done.
        quarantined: sources that cannot be opened, with plain names.
        duplicates: files left out because another has the same content.
        time_from, timezone: where capture times of these segments come from.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    segments: tuple[Segment, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    time_from: str | None = None
    timezone: str = "UTC"

    def items(self) -> dict[str, Item]:
        """Planned sources by identity."""
        return {item.identity: item for segment in self.segments for item in segment.items}


@dataclass(frozen=True)
class _Wanted:
    file: SourceFile
    site: str
    camera: str
    name_in_dataset: str
    variants: int = 0


@dataclass
class _Probed:
    items: list[Item] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)


def make_plan(
    discovery: Discovery, cutting: Cutting, earlier: VeilPlan, progress: PlanProgress | None = None
) -> VeilPlan:
    """Plan the work on what was discovered.

    Sources of an earlier plan keep their segments whatever else arrives, so that finished work stays finished; only
    new sources are probed and cut. A source that moved is known by its identity.

    Args:
        discovery: files and datasets found.
        cutting: settings and key of the job, and how many will work on it.
        earlier: the plan of the last run on this output, or an empty one.
        progress: called with (sources looked at, sources in all).

    Raises:
        ConflictError: if a planned source is now to be veiled otherwise: as another camera, with another mask or clock.
        OptionError: if a privacy mask is for a camera that there is not.
    """
    settings, key = cutting.settings, cutting.key
    wanted = _wanted(discovery, settings)
    masks = settings.load_masks()
    _check_clock(earlier, settings)
    known = {(item.url, item.size, item.mtime_ns): item for item in earlier.items().values()}
    clock = CaptureClock.parse(settings.time_from, settings.timezone)
    probed = _Probed()
    with ThreadPoolExecutor(_PROBE_THREADS) as pool:
        outcomes = pool.map(lambda source: _probe(source, settings, key, clock, masks, known), wanted)
        for count, outcome in enumerate(outcomes, 1):
            (probed.items if isinstance(outcome, Item) else probed.quarantined).append(outcome)  # type: ignore[arg-type]
            if progress:
                progress(count, len(wanted))
    _check_masks(masks, [*earlier.items().values(), *probed.items])
    unreadable = [
        Quarantined(source=redacted(problem.url), reason=redacted(problem.reason)) for problem in discovery.problems
    ]
    fresh, moved, duplicates = _sort_out(probed.items, earlier.items())
    kept = [_relocated(segment, moved) for segment in earlier.segments]
    return VeilPlan(
        segments=(*kept, *cut_segments(fresh, cutting)),
        quarantined=tuple(unreadable + probed.quarantined),
        duplicates=tuple(duplicates),
        time_from=settings.time_from,
        timezone=settings.timezone,
    )


def name_in_dataset(dataset: Dataset, image: DatasetImage) -> str:
    """Return the name that enters an image's identity: a dataset may hold the same image twice."""
    return f"{dataset.name}/{image.split}/{image.file.relative}"


def _wanted(discovery: Discovery, settings: VeilSettings) -> list[_Wanted]:
    loose = [_loose(file, settings) for file in discovery.files]
    return loose + [item for dataset in discovery.datasets for item in _of_dataset(dataset, settings)]


def _loose(file: SourceFile, settings: VeilSettings) -> _Wanted:
    folder = file.relative.rpartition("/")[0]
    camera = file.camera or settings.camera or folder or "camera"
    return _Wanted(file, file.site or settings.site, camera, "")


def _of_dataset(dataset: Dataset, settings: VeilSettings) -> Iterable[_Wanted]:
    camera = settings.camera or dataset.name
    for image in dataset.images:
        variants = settings.variants if image.split == TRAIN else 0
        yield _Wanted(image.file, settings.site, camera, name_in_dataset(dataset, image), variants)


def _probe(
    wanted: _Wanted,
    settings: VeilSettings,
    key: Keyring,
    clock: CaptureClock,
    masks: MaskSet | None,
    known: dict[tuple[str, int, int | None], Item],
) -> Item | Quarantined:
    file = wanted.file
    mask = masks.for_camera(wanted.site, wanted.camera) if masks else None
    mask_digest = mask.digest if mask else None
    item = known.get((file.url, file.size, file.mtime_ns))
    if item is not None:
        _check_unchanged(item, wanted, mask_digest)
        return item
    info: VideoInfo | None = None
    taken: str | None = None
    try:
        own_clock = CaptureClock.parse(file.start, settings.timezone) if file.start else clock
        stream = open_source(file.url)
        try:
            if file.kind is SourceKind.VIDEO:
                info = probe(stream)
            elif own_clock.from_metadata:
                taken = taken_at(stream)
            index = info.fingerprint if info else b""
            identity = source_identity(key, wanted.site, stream, index, wanted.name_in_dataset)
        finally:
            stream.close()
        captured = own_clock.start_us(file.url, info, taken)
    except MediaError as error:
        return Quarantined(source=redacted(file.url), reason=str(error))
    return Item(
        url=file.url,
        size=file.size,
        mtime_ns=file.mtime_ns,
        kind=file.kind,
        identity=identity.hex(),
        source=file.relative if settings.plain_names else pseudonym(key, wanted.site, identity),
        site=wanted.site,
        camera=wanted.camera,
        captured_at_us=captured,
        mask_digest=mask_digest,
        info=info,
        variants=wanted.variants,
    )


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


def _check_masks(masks: MaskSet | None, items: Sequence[Item]) -> None:
    cameras = {(item.site, item.camera) for item in items}
    strangers = masks.strangers(cameras) if masks and items else []
    if strangers:
        known = ", ".join(f"{site}/{camera}" for site, camera in sorted(cameras)[:20])
        raise OptionError(f"`masks_path` has a mask for {strangers[0]}, but the cameras are {known}; correct the name")


def _check_unchanged(item: Item, wanted: _Wanted, mask_digest: str | None) -> None:
    for what, was, now in (
        ("site", item.site, wanted.site),
        ("camera", item.camera, wanted.camera),
        ("privacy mask", item.mask_digest, mask_digest),
    ):
        if was != now:
            change = f'as {what} "{was}", not "{now}"' if what != "privacy mask" else "with another privacy mask"
            raise ConflictError(f"{item.url} was planned {change}; use the same as before, or another `out`")


def _sort_out(items: Sequence[Item], planned: dict[str, Item]) -> tuple[list[Item], dict[str, Item], list[Duplicate]]:
    """Tell new sources from planned ones (which may have moved) and from copies of either."""
    fresh: dict[str, Item] = {}
    moved: dict[str, Item] = {}
    duplicates = []
    for item in items:
        first = fresh.get(item.identity) or moved.get(item.identity)
        if first is not None:
            duplicates.append(Duplicate(url=item.url, original=first.url))
        elif item.identity in planned:
            moved[item.identity] = item
        else:
            fresh[item.identity] = item
    return list(fresh.values()), moved, duplicates


def _relocated(segment: Segment, moved: dict[str, Item]) -> Segment:
    """The same segment with its files where they are now; nothing that enters a shard changes."""
    items = tuple(
        item.model_copy(update={"url": now.url, "size": now.size, "mtime_ns": now.mtime_ns})
        if (now := moved.get(item.identity))
        else item
        for item in segment.items
    )
    return segment.model_copy(update={"items": items})
