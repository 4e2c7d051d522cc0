"""The file of a plan, in the owner's private folder: Parquet, one row a source and segment."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from raypp.errors import ShardError
from raypp.ingest.plan import SEGMENT_SCHEMA, SOURCE_SCHEMA, Duplicate, VeilPlan, plan_of
from raypp.ingest.segment import Segment
from raypp.io.atomic import whole_file
from raypp.io.private import FOLDER_MODE
from raypp.shards.parquet import open_parquet

PLAN_FILE = "plan.parquet"
OLD_PLAN_FILE = "plan.json"
_VERSION, _WITH_VIEWS, _WITH_TOMBSTONES = 2, 3, 4
"""Version 3 has the column `views`, version 4 has `forgotten`, too, and rows of tombstones: their identity alone.

Plans without are still written as the version before."""
_METADATA_KEY = b"raypp plan"
_ORIGINAL = pa.field("original", pa.large_string())
"""Of a file that is left out: which one has the same content. Such a row has no segment."""
_SCHEMA = pa.schema([*SEGMENT_SCHEMA, *SOURCE_SCHEMA, _ORIGINAL])
_VIEWS, _FORGOTTEN = "views", "forgotten"
_COLUMNS_ADDED = {_VERSION: (), _WITH_VIEWS: (_VIEWS,), _WITH_TOMBSTONES: (_VIEWS, _FORGOTTEN)}
_BATCH_ROWS = 1 << 17


class _OldPlan(BaseModel):
    """A plan of before version 2, in JSON."""

    model_config = ConfigDict(frozen=True, val_json_bytes="base64")

    segments: tuple[Segment, ...] = ()
    time_from: str | None = None
    timezone: str = "UTC"


def load_plan(private: Path) -> VeilPlan:
    """Read the plan of the last run, or an empty one if there was none; raises ShardError if it cannot be used."""
    path = private / PLAN_FILE
    if not path.exists():
        return _old_plan(private / OLD_PLAN_FILE)
    try:
        file = open_parquet(path)
        stated = json.loads(file.schema_arrow.metadata[_METADATA_KEY])
        if stated["version"] not in _COLUMNS_ADDED:
            raise ShardError(f"plan {path} is of version {stated['version']}, which a newer raypp wrote; use that")
        table = file.read(use_threads=False)
        for name in (_VIEWS, _FORGOTTEN):
            if name not in _COLUMNS_ADDED[stated["version"]]:
                kind = _SCHEMA.field(name)
                table = table.add_column(_SCHEMA.get_field_index(name), kind, pa.nulls(len(table), kind.type))
        table = table.cast(_SCHEMA)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        raise ShardError(f"plan {path} is damaged; remove it, and the job plans afresh") from None
    return _of_table(table, stated)


def save_plan(plan: VeilPlan, private: Path, earlier: VeilPlan) -> None:
    """Write the plan atomically into the owner's private folder, which only its user may enter, if it has changed."""
    unchanged = plan.sources is earlier.sources and plan.duplicates == earlier.duplicates
    if unchanged and plan.tombstones.equals(earlier.tombstones) and (private / PLAN_FILE).exists():
        return
    private.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    version = _version_of(plan)
    stated = {"version": version, "time_from": plan.time_from, "timezone": plan.timezone}
    left_out = {_VIEWS, _FORGOTTEN}.difference(_COLUMNS_ADDED[version])
    written = pa.schema([kind for kind in _SCHEMA if kind.name not in left_out])
    schema = written.with_metadata({_METADATA_KEY: json.dumps(stated).encode()})
    words = [name for name in written.names if pa.types.is_dictionary(written.field(name).type)]
    with (
        whole_file(private / PLAN_FILE, private=True, durable=True) as part,
        pq.ParquetWriter(
            part, schema, compression="zstd", use_dictionary=[*SEGMENT_SCHEMA.names, *words], write_statistics=False
        ) as writer,
    ):
        for table in _tables(plan, schema):
            writer.write_table(table)
    (private / OLD_PLAN_FILE).unlink(missing_ok=True)


def _version_of(plan: VeilPlan) -> int:
    views, forgotten = (plan.sources.column(name) for name in (_VIEWS, _FORGOTTEN))
    if len(plan.tombstones) or forgotten.null_count < len(forgotten):
        return _WITH_TOMBSTONES
    return _WITH_VIEWS if views.null_count < len(views) else _VERSION


def _tables(plan: VeilPlan, schema: pa.Schema) -> Any:
    """Rows of the file, some at a time."""
    owners = np.repeat(np.arange(plan.segment_rows.num_rows), plan.segment_rows.column("files").to_numpy())
    for start in range(0, len(owners), _BATCH_ROWS):
        sources = plan.sources.slice(start, _BATCH_ROWS)
        segments = plan.segment_rows.take(pa.array(owners[start : start + _BATCH_ROWS]))
        columns = [*segments.columns, *sources.columns, pa.nulls(len(sources), _ORIGINAL.type)]
        yield (
            pa.Table.from_arrays(columns, schema=_SCHEMA).select(schema.names).replace_schema_metadata(schema.metadata)
        )
    if plan.duplicates:
        left_out = [dict(zip(("folder", "name"), _split(copy.url), strict=True)) for copy in plan.duplicates]
        rows = [{**row, "original": copy.original} for row, copy in zip(left_out, plan.duplicates, strict=True)]
        yield pa.Table.from_pylist(rows, schema)
    if len(plan.tombstones):
        yield pa.Table.from_pylist([{"identity": identity} for identity in plan.tombstones.to_pylist()], schema)


def _split(url: str) -> tuple[str, str]:
    folder, _, name = url.rpartition("/")
    return folder, name


def _of_table(table: pa.Table, stated: dict[str, Any]) -> VeilPlan:
    """Take a file's rows apart again: rows of one segment stand together, and no two segments are the same."""
    planned = table.num_rows - table.column("segment_id").null_count
    rest = table.slice(planned).select(["folder", "name", "identity", "original"])
    is_copy = pc.is_valid(rest.column("original"))
    copies = rest.filter(is_copy).drop_columns(["identity"]).to_pylist()
    tombstones = rest.filter(pc.invert(is_copy)).column("identity").combine_chunks()
    table = table.slice(0, planned)
    names = table.column("segment_id").combine_chunks()
    sources = table.select(SOURCE_SCHEMA.names).unify_dictionaries()
    if not planned:
        return VeilPlan(time_from=stated["time_from"], timezone=stated["timezone"], tombstones=tombstones)
    halves = np.frombuffer(names.buffers()[1], np.uint64).reshape(-1, 2)[names.offset : names.offset + planned]
    firsts = np.flatnonzero(np.concatenate([[True], (halves[1:] != halves[:-1]).any(axis=1)]))
    segments = table.select(SEGMENT_SCHEMA.names).take(pa.array(firsts)).replace_schema_metadata()
    return VeilPlan(
        sources.replace_schema_metadata(),
        segments,
        duplicates=tuple(
            Duplicate(url=f"{copy['folder']}/{copy['name']}", original=copy["original"]) for copy in copies
        ),
        time_from=stated["time_from"],
        timezone=stated["timezone"],
        tombstones=tombstones,
    )


def _old_plan(path: Path) -> VeilPlan:
    try:
        old = _OldPlan.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return VeilPlan()
    except ValueError:
        raise ShardError(f"plan {path} is damaged; remove it, and the job plans afresh") from None
    return plan_of(old.segments, old.time_from, old.timezone)
