"""A ledger as a raypp of schema 0006 left it: a row a frame, the fold's state as text."""

from alembic import command
from sqlalchemy import Connection, column, insert, select, text
from sqlalchemy import table as named

from raypp.ledger.database import Database
from raypp.ledger.packing import pack_detections, unpack_frames, unpack_state
from raypp.ledger.schema import migration_config
from raypp.ledger.store import Ledger
from raypp.ledger.tables import Base, ChunkRow, FrameRow

_NEW = ("chunks", "frames")


def make_older(url: str, schema: str) -> None:
    """Make an empty ledger as a raypp of an older schema left it."""
    database = Database.open(url, create=True)
    with database.write(patient=True) as target:
        command.upgrade(migration_config(target), schema)
    database.close()


def write_older(url: str, ledger: Ledger) -> None:
    """Write what a ledger holds into one that is not there yet, of schema 0006."""
    database = Database.open(url, create=True)
    with ledger.database.read() as source, database.write(patient=True) as target:
        command.upgrade(migration_config(target), "0006")
        for table in Base.metadata.sorted_tables:
            if table.name in _NEW:
                continue
            for row in source.execute(select(table)).mappings().all():
                values = dict(row)
                if table.name == "streams":
                    fold = values.pop("fold")
                    values["state"] = fold and unpack_state(fold)
                _insert(target, table.name, values)
        for chunk in source.execute(select(*ChunkRow.__table__.columns)).all():
            for frame in unpack_frames(chunk.packed, chunk.frames):
                row = {
                    "stream_id": chunk.stream_id,
                    "frame_index": frame.frame_index,
                    "sequence": chunk.sequence,
                    "timestamp_us": frame.timestamp_us,
                    "observation": int(frame.observation),
                    "count": len(frame.detections),
                    "detections": pack_detections(frame.detections),
                }
                target.execute(insert(FrameRow), [row])
        if not database.is_sqlite:
            target.execute(text("SELECT setval('streams_stream_id_seq', (SELECT max(stream_id) FROM streams))"))
    database.close()


def _insert(target: Connection, table: str, values: dict[str, object]) -> None:
    target.execute(insert(named(table, *map(column, values))).values(values))
