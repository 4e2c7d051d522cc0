"""Which model, rules and veil counted at a camera at a moment, as the ledger's terms say."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, select

from raypp.ledger.ledgers import Ledgers
from raypp.ledger.sites import list_sites, present_settings, site_settings
from raypp.ledger.store import Ledger
from raypp.ledger.tables import ChunkRow, FrameRow, ModelRow, StreamRow, TermRow


@dataclass(frozen=True, slots=True)
class CountedModel:
    """Model, rules and veil that counted at a camera at a moment: of the latest kept frames that are not later.

    Attributes:
        site, camera, epoch: the stream.
        sequence: number of the chunk.
        first_us, last_us: event time of its first and last frame; `last_us` may be later than the moment.
        model_id, veil_id, classes: of the model that detected on it.
        settings_id: of the rules that it is folded with.
        rules_version: version of the site's settings, where these are the present rules; else None.
    """

    site: str
    camera: str
    epoch: int
    sequence: int
    first_us: int
    last_us: int
    model_id: str
    veil_id: str
    classes: tuple[str, ...]
    settings_id: str
    rules_version: int | None


@dataclass(frozen=True, slots=True)
class _Chunk:
    first_us: int
    last_us: int
    epoch: int
    stream_id: int
    sequence: int


def models_at(
    ledgers: Ledgers, at_us: int, site: str | None = None, camera: str | None = None
) -> tuple[CountedModel, ...]:
    """Return what counted at a moment, by site and camera; cameras without an earlier frame are left out.

    Args:
        ledgers: the ledgers.
        at_us: the moment, event time in microseconds since 1970.
        site: only this one.
        camera: only this one of the site.

    Raises:
        UnknownSiteError: if there is no such site.
        LedgerUnavailableError: where a ledger that is needed does not answer.
    """
    if site is not None:
        return tuple(_of_site(ledgers.of(site), site, camera, at_us))
    counted: list[CountedModel] = []
    for _, ledger in ledgers.opened():
        with ledger.database.read() as connection:
            names = [each.name for each in list_sites(connection)]
        for name in names:
            counted += _of_site(ledger, name, None, at_us)
    return tuple(sorted(counted, key=lambda each: (each.site, each.camera)))


def _of_site(ledger: Ledger, site: str, camera: str | None, at_us: int) -> Iterator[CountedModel]:
    with ledger.database.read() as connection:
        _, version = site_settings(connection, site)
        chunks: dict[str, _Chunk] = {}
        query = select(StreamRow.stream_id, StreamRow.camera, StreamRow.epoch).where(StreamRow.site == site)
        for row in connection.execute(query if camera is None else query.where(StreamRow.camera == camera)):
            chunk = _latest_chunk(connection, row.stream_id, row.epoch, at_us)
            if chunk and (row.camera not in chunks or _order(chunk, at_us) > _order(chunks[row.camera], at_us)):
                chunks[row.camera] = chunk
        present = present_settings(connection, site).settings_id
        for name, chunk in sorted(chunks.items()):
            if (term := _term(connection, chunk)) is not None:
                model_id, veil_id, classes, settings_id = term
                own = version if settings_id == present else None
                times = (chunk.sequence, chunk.first_us, chunk.last_us)
                yield CountedModel(site, name, chunk.epoch, *times, model_id, veil_id, classes, settings_id, own)


def _order(chunk: _Chunk, at_us: int) -> tuple[int, int]:
    """Order chunks of a camera: by how near before the moment their frames are, then by stream."""
    return min(chunk.last_us, at_us), chunk.epoch


def _latest_chunk(connection: Connection, stream_id: int, epoch: int, at_us: int) -> _Chunk | None:
    """Return the latest chunk of a stream that has begun by a moment, be it in rows of chunks or of frames."""
    query = select(ChunkRow.first_us, ChunkRow.last_us, ChunkRow.sequence)
    begun = query.where(ChunkRow.stream_id == stream_id, ChunkRow.first_us <= at_us)
    row = None
    if inspect(connection).has_table(ChunkRow.__tablename__):
        row = connection.execute(begun.order_by(ChunkRow.first_us.desc(), ChunkRow.sequence.desc()).limit(1)).first()
    if row is None:  # a raypp of schema 0006 or older has kept frames
        old = select(FrameRow.timestamp_us, FrameRow.timestamp_us, FrameRow.sequence)
        begun = old.where(FrameRow.stream_id == stream_id, FrameRow.timestamp_us <= at_us)
        row = connection.execute(begun.order_by(FrameRow.timestamp_us.desc()).limit(1)).first()
    return None if row is None else _Chunk(row[0], row[1], epoch, stream_id, row[2])


def _term(connection: Connection, chunk: _Chunk) -> tuple[str, str, tuple[str, ...], str] | None:
    query = (
        select(ModelRow.model_id, ModelRow.veil_id, ModelRow.classes, TermRow.settings_id)
        .join(TermRow, TermRow.model_key == ModelRow.model_key)
        .where(TermRow.stream_id == chunk.stream_id, TermRow.from_sequence <= chunk.sequence)
        .order_by(TermRow.from_sequence.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (row.model_id, row.veil_id, tuple(json.loads(row.classes)), row.settings_id)
