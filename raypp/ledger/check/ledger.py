"""A ledger checked as a whole, while streams are open: nothing is changed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, true

from raypp.errors import LedgerError, LedgerUnavailableError
from raypp.ledger.check.rows import check_rows
from raypp.ledger.check.stream import StreamChecked, check_stream
from raypp.ledger.schema import newest_schema, schema_of
from raypp.ledger.sites import site_settings
from raypp.ledger.store import Ledger
from raypp.ledger.tables import StreamRow
from raypp.ledger.types import stream_label
from raypp.progress import SILENT, Advance, Progress

_PASSES = 2
"""Each frame is read to be looked at, and read again to be folded."""


class CameraChecked(BaseModel):
    """Counts of a camera's checked streams. Frames of schema 0006 and older are in no chunk."""

    model_config = ConfigDict(frozen=True)
    site: str
    camera: str
    streams: int
    chunks: int = 0
    frames: int = 0
    detections: int = 0
    episodes: int = 0
    stretches: int = 0
    violations: int = 0
    exposures: int = 0
    problems: int = 0


class LedgerChecked(BaseModel):
    """Counts of a ledger, by site and camera, and a line on each problem."""

    model_config = ConfigDict(frozen=True)
    ledger: str
    schema_version: str
    site: str | None
    since_us: int | None
    cameras: tuple[CameraChecked, ...]
    problems: tuple[str, ...]


def check_ledger(
    ledger: Ledger, site: str | None = None, since_us: int | None = None, progress: Progress = SILENT
) -> LedgerChecked:
    """Check a ledger: rows are whole, and what is stored is what the frames fold to.

    Args:
        ledger: the ledger.
        site: only this site's streams; None: all.
        since_us: only streams that have committed since, processing time, from their first frame on; None: all.
        progress: is told how far it is.

    Raises:
        UnknownSiteError: if there is no such site.
        LedgerUnavailableError: if the database cannot be reached just now.
    """
    database, newest = ledger.database, newest_schema()
    with database.read() as connection:
        schema = schema_of(connection)
        scope = {"ledger": database.shown, "schema_version": schema or "none", "site": site, "since_us": since_us}
        if schema != newest:
            old = f"the ledger has schema {schema}, and this raypp checks {newest}; bring it up, or a copy of it"
            return LedgerChecked(**scope, cameras=(), problems=(old,))
        if site is not None:
            site_settings(connection, site)
        conditions = (
            StreamRow.committed > 0,
            true() if site is None else StreamRow.site == site,
            true() if since_us is None else StreamRow.active_us >= since_us,
        )
        columns = select(StreamRow.stream_id, StreamRow.site, StreamRow.camera, StreamRow.epoch).where(*conditions)
        streams = connection.execute(columns.order_by(StreamRow.site, StreamRow.camera, StreamRow.epoch)).all()
        total = connection.execute(select(func.sum(StreamRow.frames)).where(*conditions)).scalar() or 0
    checked: list[StreamChecked] = []
    problems: list[str] = []
    with progress.task("check", _PASSES * float(total)) as advance:
        for row in streams:
            label = f"{row.site}/{row.camera}@{row.epoch}"
            try:
                done = check_stream(database, row.stream_id, _telling(advance, label))
            except LedgerUnavailableError:
                raise
            except LedgerError as error:
                problems.append(f"{label}: {error}")
                continue
            checked.append(done)
            problems += [f"{stream_label(done.stream)}: {problem}" for problem in done.problems]
    problems += check_rows(database, site)
    return LedgerChecked(**scope, cameras=tuple(_by_camera(checked)), problems=tuple(problems))


def _telling(advance: Advance, label: str) -> Callable[[int], None]:
    return lambda frames: advance(frames, label, frames)


def _by_camera(checked: Iterable[StreamChecked]) -> list[CameraChecked]:
    rows: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for done in checked:
        row = rows[done.stream.site, done.stream.camera]
        row.update(done.counts)
        row.update(streams=1, problems=len(done.problems))
    return [CameraChecked(site=site, camera=camera, **row) for (site, camera), row in rows.items()]
