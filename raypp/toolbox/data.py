"""Data of a run: Parquet files of detections, codes or counts, or plain frames by a pipe; and the names in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from raypp.counting.tables import read_objects
from raypp.key_sources.place import KeyPlace
from raypp.shards.encryption import DataKey
from raypp.sql.archive_views import ArchiveRows
from raypp.sql.ledger_views import LedgerRows
from raypp.toolbox.frames import plain_frames
from raypp.toolbox.manifest import NamesOf, Reads

_OF_LEDGERS = ("sites", "episodes", "uses", "coverage")
_COLUMNS = {
    NamesOf.SITES: ("site",),
    NamesOf.CAMERAS: ("camera",),
    NamesOf.STATIONS: ("station",),
    NamesOf.TOOLS: ("tool",),
    NamesOf.CLASSES: ("class", "tool"),
}


@dataclass(frozen=True)
class ToolData:
    """Data for one run; it may be sent to another node that reaches the same archives and sources.

    Attributes:
        reads: which kind.
        words: what it is, for the record of the run.
        tables: tables by the name of their file.
        archives: folders or URLs of veiled archives, whose frames are written as they are read.
        labels: their label versions; none: the only one of each.
        data_key: of encrypted archives.
        sources: videos and images whose plain frames go by the pipe.
        names: names that stand in the data, by kind.
    """

    reads: Reads
    words: str
    tables: dict[str, pa.Table] = field(default_factory=dict)
    archives: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    data_key: KeyPlace | None = None
    sources: tuple[str, ...] = ()
    names: dict[NamesOf, frozenset[str]] = field(default_factory=dict)

    @property
    def levels(self) -> dict[NamesOf, int]:
        """How many names there are of each kind."""
        return {kind: len(names) for kind, names in self.names.items()}

    def write(self, folder: Path) -> None:
        """Write the Parquet files into a folder; raises what reading an archive raises, and OSError."""
        for name, table in self.tables.items():
            pq.write_table(table, folder / f"{name}.parquet")
        if self.archives:
            frames = _rows(self)["frames"]
            with pq.ParquetWriter(folder / "frames.parquet", frames.schema) as writer:
                for batch in frames.to_batches(filter=ds.field("variant") == 0):
                    writer.write_batch(batch)

    def feed(self) -> Iterator[bytes] | None:
        """Give the plain frames, each as a line of height and width, then its RGB bytes; None where there are none."""
        return map(_as_bytes, plain_frames(self.sources)) if self.sources else None


def detections_data(rows: LedgerRows, words: str) -> ToolData:
    """Return the detections of ledgers as tools read them: sites, episodes, uses and coverage."""
    views = {view.name: view for view in rows.views()}
    tables = {name: views[name].read() for name in _OF_LEDGERS}
    return ToolData(Reads.DETECTIONS, words, tables, names=_names(tables.values()))


def codes_data(archives: Sequence[str], labels: Sequence[str], data_key: KeyPlace | None, words: str) -> ToolData:
    """Return the frames of archives as tools read them, with their boxes."""
    data = ToolData(Reads.CODES, words, archives=tuple(archives), labels=tuple(labels), data_key=data_key)
    rows = _rows(data)
    named = rows["frames"].to_table(columns=["site", "camera"])
    return ToolData(
        Reads.CODES,
        words,
        {"boxes": rows["boxes"]},
        data.archives,
        data.labels,
        data_key,
        names=_names([named, rows["boxes"]]),
    )


def counts_data(folders: Sequence[str], words: str) -> ToolData:
    """Return the objects that `raypp count images` counted into some folders; a name of an image may be in several.

    Raises:
        OptionError: if a folder holds no such table.
    """
    objects = pa.concat_tables([read_objects(Path(folder)) for folder in folders])
    return ToolData(Reads.COUNTS, words, {"objects": objects}, names=_names([objects]))


def plain_data(sources: Sequence[str], words: str) -> ToolData:
    """Return the plain frames of videos and images, for a tool that reads them."""
    return ToolData(Reads.PLAIN, words, sources=tuple(sources))


def _rows(data: ToolData) -> dict[str, Any]:
    key = DataKey.load(data.data_key) if data.data_key else None
    views = {view.name: view for view in ArchiveRows(data.archives, key, data.labels).views()}
    return {name: views[name].read() for name in ("frames", "boxes")}


def _names(tables: Any) -> dict[NamesOf, frozenset[str]]:
    held: dict[NamesOf, set[str]] = {kind: set() for kind in NamesOf}
    for table in tables:
        for kind, columns in _COLUMNS.items():
            for column in columns:
                if column in table.schema.names:
                    held[kind].update(name for name in pc.unique(table[column]).to_pylist() if name)
    return {kind: frozenset(names) for kind, names in held.items()}


def _as_bytes(frame: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    height, width, _ = frame.shape
    return b"%d %d\n" % (height, width) + frame.tobytes()
