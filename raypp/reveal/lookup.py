"""From sample_ids back to the frames they name: only the owner of key and sources can go this way."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from raypp.errors import KeyFileError, MediaError
from raypp.ingest.archive_id import sample_id, source_identity, variant_seed
from raypp.ingest.plan import VeilPlan
from raypp.ingest.planner import name_in_dataset
from raypp.ingest.segment import Item
from raypp.ingest.source_views import NO_VIEWS, ViewSet
from raypp.io.filesystem import is_url
from raypp.media.camera_views import View
from raypp.media.container import VideoInfo, probe
from raypp.media.discovery import Discovery
from raypp.media.files import open_source
from raypp.media.source import SourceKind
from raypp.progress import Progress
from raypp.shards.reader import ShardReader
from raypp.veil.key import Keyring

_READ_ROWS = 8192


@dataclass(frozen=True)
class VeiledRow:
    """A shard's row of a frame, without its code; fields as in `FrameRow`."""

    sample_id: str
    site: str
    camera: str
    source: str
    timestamp_us: int
    captured_at_us: int | None
    width: int
    height: int
    variant: int = 0


@dataclass(frozen=True)
class FrameSource:
    """The file that a frame was veiled from.

    Attributes:
        url: where it is now.
        kind: video or image.
        info: what the container says, for videos.
        planned: the source as the owner's plan has it, or None where it was found by its content alone.
        view: which view of its frames the row is, without its part where neither plan nor file has that.
    """

    url: str
    kind: SourceKind
    info: VideoInfo | None
    planned: Item | None
    view: View


@dataclass(frozen=True)
class _Candidate:
    url: str
    kind: SourceKind
    name: str


def find_rows(reader: ShardReader, wanted: Collection[str]) -> dict[str, VeiledRow]:
    """Find the rows of samples in an archive; samples that it does not have are left out.

    Raises:
        ShardError: if a shard is missing or damaged.
    """
    by_id: dict[str, VeiledRow] = {}
    names = pa.array(sorted(set(wanted)), pa.string())
    columns = tuple(VeiledRow.__dataclass_fields__)
    for batch in reader.iterate(columns, _READ_ROWS):
        chosen = batch.rows.filter(pc.is_in(batch.rows.column("sample_id"), names))
        by_id |= {row["sample_id"]: VeiledRow(**row) for row in chosen.to_pylist()}
        if len(by_id) == len(names):
            break
    return by_id


class SourceFinder:
    """Finds the files that veiled frames were taken from.

    The owner's plan is asked first; a file that is no longer where the plan has it, or that there is no plan of, is
    known by its content: the keyed hash of source and time gives the sample_id again for the right file alone.

    Args:
        key: the key that the archive was veiled with.
        plan: the owner's plan of the archive, or an empty one.
        discovery: where else to look, or None.
        progress: shows progress.
        views: views of cameras, for sources that there is no plan of.
    """

    def __init__(
        self,
        key: Keyring,
        plan: VeilPlan,
        discovery: Discovery | None,
        progress: Progress,
        views: ViewSet = NO_VIEWS,
    ) -> None:
        self._key = key
        self._parts = plan.views()
        self._views = views
        self._planned: dict[str, list[Item]] = {}
        for item in plan.items():
            self._planned.setdefault(item.source, []).append(item)
        self._discovery = discovery
        self._progress = progress

    def variant_seed(self, row: VeiledRow) -> bytes:
        """Return the seed of the variant that a row is; see `raypp.ingest.archive_id.variant_seed`."""
        return variant_seed(self._key, row.site, row.sample_id)

    def find(self, rows: Sequence[VeiledRow]) -> dict[str, FrameSource]:
        """Find the origins of rows, by sample_id; rows whose source is not found are left out."""
        by_id: dict[str, FrameSource] = {}
        rows = [row for row in rows if self._serves(row.site)]
        for row in rows:
            item = self.planned(row)
            view = self._view(row, bytes.fromhex(item.identity)) if item else None
            if item is not None and view is not None and _is_as_planned(item):
                by_id[row.sample_id] = FrameSource(item.url, item.kind, item.info, item, view)
        missing = [row for row in rows if row.sample_id not in by_id]
        if missing:
            by_id |= self._by_content(missing)
        return by_id

    def planned(self, row: VeiledRow) -> Item | None:
        """Return the source of a row as the plan has it, or None."""
        for item in self._planned.get(row.source, []):
            if self._view(row, bytes.fromhex(item.identity)) is not None:
                return item
        return None

    def why_missing(self, row: VeiledRow) -> str:
        """Say why no origin of a row was found, and what to do."""
        if not self._serves(row.site):
            return f"this key cannot tell sources of site {row.site}; use the owner's key, or that site's"
        item = self.planned(row)
        if item is None:
            return f"its source {row.source} is in no plan and not among the sources; name its place among them"
        return f"its source {item.url} has moved or changed since it was veiled; name its place among the sources"

    def _serves(self, site: str) -> bool:
        try:
            self._key.hash_secret(site, "identity")
        except KeyFileError:
            return False
        return True

    def _view(self, row: VeiledRow, identity: bytes) -> View | None:
        """Return which view of a source's frame a row is, or None if it is of another source."""
        for name in (None, *_view_names(row.camera)):
            own = sample_id(self._key, row.site, identity, row.timestamp_us, row.variant, name)
            if own == row.sample_id:
                return View(row.camera) if name is None else self._part(row, name)
        return None

    def _part(self, row: VeiledRow, name: str) -> View:
        view = View(row.camera, name)
        stated = self._views.for_camera(row.site, view.source_camera).views.get(name)
        return self._parts.get((row.site, row.camera), view._replace(rectangle=stated))

    def _by_content(self, rows: Sequence[VeiledRow]) -> dict[str, FrameSource]:
        by_id: dict[str, FrameSource] = {}
        candidates = list(self._candidates(rows))
        with self._progress.task("looking for sources", len(candidates)) as advance:
            for number, candidate in enumerate(candidates, 1):
                left = [row for row in rows if row.sample_id not in by_id]
                if not left:
                    break
                by_id |= self._matches(candidate, left)
                advance(1, f"{number}/{len(candidates)}", 0)
        return by_id

    def _candidates(self, rows: Sequence[VeiledRow]) -> Iterable[_Candidate]:
        """Files to look into: those of the plan, perhaps only touched since, then all that were discovered."""
        touched = {item.url: item.kind for row in rows if (item := self.planned(row))}
        yield from (_Candidate(url, kind, "") for url, kind in touched.items())
        if self._discovery is None:
            return
        yield from (_Candidate(file.url, file.kind, "") for file in self._discovery.files)
        for dataset in self._discovery.datasets:
            for image in dataset.images:
                yield _Candidate(image.file.url, image.file.kind, name_in_dataset(dataset, image))

    def _matches(self, candidate: _Candidate, rows: Sequence[VeiledRow]) -> Iterator[tuple[str, FrameSource]]:
        try:
            stream = open_source(candidate.url)
            try:
                info = probe(stream) if candidate.kind is SourceKind.VIDEO else None
                index = info.fingerprint if info else b""
                sites = sorted({row.site for row in rows})
                identities = {site: source_identity(self._key, site, stream, index, candidate.name) for site in sites}
            finally:
                stream.close()
        except MediaError:
            return  # what cannot be read was not veiled either, or cannot be shown
        for row in rows:
            view = self._view(row, identities[row.site])
            if view is not None:
                yield row.sample_id, FrameSource(candidate.url, candidate.kind, info, self.planned(row), view)


def _view_names(camera: str) -> Iterator[str]:
    """Yield the names that a view may have whose frames are known by this camera's name, CAMERA.VIEW."""
    while "." in camera:
        camera = camera.partition(".")[2]
        yield camera


def _is_as_planned(item: Item) -> bool:
    """Whether a file is where and as it was, by its size and, where known, its time of change."""
    try:
        if is_url(item.url):
            stream = open_source(item.url)
            stream.close()
            return stream.size == item.size
        info = Path(item.url).stat()
    except (OSError, MediaError):
        return False
    return (info.st_size, info.st_mtime_ns) == (item.size, item.mtime_ns)
