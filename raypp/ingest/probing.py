"""Looking into sources: who they are, when they were taken, and what a video's container says."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple, TypeVar

from raypp.errors import MediaError
from raypp.ingest.archive_id import source_identity
from raypp.ingest.settings import VeilSettings
from raypp.ingest.source_views import views_of
from raypp.io.filesystem import is_url, plain_name, url_path
from raypp.media.capture_time import CaptureClock
from raypp.media.container import VideoInfo, probe
from raypp.media.files import open_source
from raypp.media.image import probe_image, taken_at
from raypp.media.source import SourceKind
from raypp.veil.key import Keyring

_THREADS = 8
_AHEAD = 4 * _THREADS
_IMAGES_EACH, _VIDEOS_EACH = 512, 8

Task = TypeVar("Task")
Result = TypeVar("Result")


class SourceGroup(NamedTuple):
    """Files of one folder that are planned alike.

    Attributes:
        folder: path or URL, without a slash at the end.
        names, sizes, mtimes_ns: of each file.
        places: which one each is, of all sources in order.
        kind: videos or images.
        site, camera: where they were taken.
        start: when recording began, where an inventory says it.
        below: what stands before each name in its place below the source it was found in.
        in_dataset: what stands before that place in the name that enters an image's identity; None for loose files.
        variants: how many variants of each frame are veiled beside it.
        mask_digest: digest of their privacy mask, or None.
        views: what is veiled of their frames, as a plan writes it; None for the whole alone.
    """

    folder: str
    names: Sequence[str]
    sizes: Sequence[int]
    mtimes_ns: Sequence[int | None]
    places: Sequence[int]
    kind: SourceKind
    site: str
    camera: str
    start: str | None
    below: str
    in_dataset: str | None
    variants: int
    mask_digest: str | None = None
    views: str | None = None

    def relative(self, place: int) -> str:
        """Return a file's place below the source it was found in."""
        name = self.names[place]
        if self.in_dataset is None and is_url(self.folder):
            name = plain_name(url_path(f"{self.folder}/{name}")).rpartition("/")[2]
        return self.below + name

    def at(self, chosen: Sequence[int]) -> "SourceGroup":
        """Return some of the files."""
        return self._replace(
            names=[self.names[place] for place in chosen],
            sizes=[self.sizes[place] for place in chosen],
            mtimes_ns=[self.mtimes_ns[place] for place in chosen],
            places=[self.places[place] for place in chosen],
        )

    def parts(self) -> "Iterator[SourceGroup]":
        """Yield the files by as many as are looked into in one go."""
        each = _VIDEOS_EACH if self.kind is SourceKind.VIDEO else _IMAGES_EACH
        for start in range(0, len(self.names), each):
            yield self.at(range(start, min(start + each, len(self.names))))


class Probed(NamedTuple):
    """Findings of a look into a source."""

    identity: bytes
    captured_at_us: int | None
    info: VideoInfo | None


Outcome = Probed | str
"""What looking into a source told, or why it cannot be opened."""

Prober = Callable[[Iterable[SourceGroup], VeilSettings, Keyring], Iterator[tuple[SourceGroup, list[Outcome]]]]
"""Looks into groups of sources, and yields them in order, each with an outcome for each file."""


def probe_here(
    groups: Iterable[SourceGroup], settings: VeilSettings, key: Keyring
) -> Iterator[tuple[SourceGroup, list[Outcome]]]:
    """Look into sources in this process, on some threads: most of the time is waiting for disk or network."""
    with ThreadPoolExecutor(_THREADS) as pool:

        def begin(group: SourceGroup) -> Callable[[], list[Outcome]]:
            return pool.submit(probe_group, group, settings, key).result

        yield from in_order(groups, begin, _AHEAD)


def in_order(
    tasks: Iterable[Task], begin: Callable[[Task], Callable[[], Result]], most: int
) -> Iterator[tuple[Task, Result]]:
    """Begin tasks, some ahead of the others, and yield them in order with their results.

    Args:
        tasks: what is to be done.
        begin: begins a task, and returns what waits for its result.
        most: how many are under way at once.
    """
    ahead: deque[tuple[Task, Callable[[], Result]]] = deque()
    for task in tasks:
        ahead.append((task, begin(task)))
        if len(ahead) >= most:
            done, wait = ahead.popleft()
            yield done, wait()
    for done, wait in ahead:
        yield done, wait()


def probe_batch(settings: str, groups: Sequence[SourceGroup]) -> list[list[Outcome]]:
    """Look into groups of sources where settings have come as JSON; returns the outcomes of each group.

    Raises:
        KeyFileError: if the key file that the settings name cannot be read here.
        OptionError: for a start that is no time.
    """
    chosen, key = _opened(settings)
    return [outcomes for _, outcomes in probe_here(groups, chosen, key)]


@lru_cache(maxsize=1)
def _opened(settings: str) -> tuple[VeilSettings, Keyring]:
    chosen = VeilSettings.model_validate_json(settings)
    return chosen, chosen.load_key()


def probe_group(group: SourceGroup, settings: VeilSettings, key: Keyring) -> list[Outcome]:
    """Look into each file of a group; raises OptionError for a start that is no time."""
    clock = CaptureClock.parse(group.start or settings.time_from, settings.timezone)
    return [_probe(group, place, clock, key) for place in range(len(group.names))]


def _probe(group: SourceGroup, place: int, clock: CaptureClock, key: Keyring) -> Outcome:
    url = f"{group.folder}/{group.names[place]}"
    in_dataset = "" if group.in_dataset is None else group.in_dataset + group.relative(place)
    info: VideoInfo | None = None
    taken: str | None = None
    try:
        stream = open_source(url)
        try:
            if group.kind is SourceKind.VIDEO:
                info = probe(stream)
            elif clock.from_metadata:
                taken = taken_at(stream)
            if group.views is not None:
                shown = (info.width, info.height) if info else probe_image(stream)
                for view in views_of(group.views).of(group.camera):
                    view.shape(*shown)  # refuses a part that is too small
            identity = source_identity(key, group.site, stream, info.fingerprint if info else b"", in_dataset)
        finally:
            stream.close()
        return Probed(identity, clock.start_us(url, info, taken), info)
    except MediaError as error:
        return str(error)
