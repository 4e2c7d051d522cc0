"""A site moved from one ledger to another while it streams: each chunk is in the one or the other, once.

Two rows of moves say how far it is, one in each ledger. The site belongs to the target from the moment at which the
target's last transaction commits. A process that was killed leaves the rows, and the next one goes on from there.
"""

import secrets
import time

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from raypp.errors import ConflictError, LedgerError, OptionError, UnknownSiteError
from raypp.ledger.chunks import days_of_chunks
from raypp.ledger.moves import MoveState
from raypp.ledger.partitions import keep_partitions_ahead, week_of
from raypp.ledger.site_copy import SiteCopy, clear_frames, clear_site
from raypp.ledger.statements import put, write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import MoveRow, SiteRow, StreamRow, TokenRow
from raypp.ledger.types import COMMAND_LINE
from raypp.progress import SILENT, Progress

_FEW = 200
"""Chunks of one round beyond which another round is made before streams have to wait."""
_MOST_ROUNDS = 20


class SiteMoved(BaseModel):
    """A site that was moved, or stays after all. `waited_s` is how long its streams had to wait in this run."""

    model_config = ConfigDict(frozen=True)
    site: str
    source: str
    target: str
    chunks: int = 0
    waited_s: float = 0.0
    emptied: bool = True


class SiteMove:
    """One process that moves a site; of several, the one that began last goes on, and the others end.

    Args:
        source: the ledger that has the site.
        target: the ledger that is to have it.
        site: the site.
        who: for the audit log.

    Raises:
        UnknownSiteError: if the source has no such site.
    """

    def __init__(self, source: Ledger, target: Ledger, site: str, who: str = COMMAND_LINE) -> None:
        self._source = source
        self._target = target
        self._site = site
        self._who = who
        self._of = MoveRow.site == site
        self._lease = 0
        self._move_id = ""
        self._target_knows = False
        with source.database.read() as connection:
            if connection.execute(select(SiteRow.name).where(SiteRow.name == site)).first() is None:
                raise UnknownSiteError(f"site {site[:100]!r} is not registered in ledger {source.database.shown}")

    def run(self, progress: Progress = SILENT, wait_s: float = 0.0) -> SiteMoved:
        """Move the site, or go on with a move that was begun.

        Args:
            progress: is told of how many chunks were copied.
            wait_s: how long to wait for readers of SQLite's log, in which deleted bytes are still to be found.

        Raises:
            OptionError: if both are one ledger, the target has a site of this name, or it is on its way elsewhere.
            ConflictError: if another process has taken the move over.
            LedgerUnavailableError: if a ledger cannot be reached just now; run it again.
        """
        state = self._begin()
        chunks, waited_s = 0, 0.0
        if not self._has_arrived():
            copy = SiteCopy(self._source.database, self._target.database, self._site, self._fence_target)
            self._make_partitions()
            with progress.task("move", self._chunks()) as advance:
                for _ in range(_MOST_ROUNDS if state is MoveState.LEAVING else 0):
                    copied = copy.copy_frames(lambda count: advance(count, self._site, 0))
                    chunks += copied
                    if copied <= _FEW:
                        break
            begun = time.monotonic()
            self._stop_streams()
            self._arrive(copy)
            waited_s = time.monotonic() - begun
        self._leave()
        clear_frames(self._source.database, self._site, self._fence_source)
        result = SiteMoved(site=self._site, source=self._source.database.shown, target=self._target.database.shown)
        emptied = self._source.database.purge(wait_s)
        return result.model_copy(update={"chunks": chunks, "waited_s": waited_s, "emptied": emptied})

    def cancel(self) -> SiteMoved:
        """Leave the site where it is, and delete what was copied; its streams go on.

        Raises:
            OptionError: if it is not being moved to this target, or has arrived there.
        """
        with self._source.database.read() as connection:
            row = self._row(connection)
        if row is None or row.state not in {int(MoveState.LEAVING), int(MoveState.STOPPED)}:
            raise OptionError(f"site {self._site} is not being moved; there is nothing to cancel")
        self._begin(cancels=True)
        if self._has_arrived():
            raise OptionError(f"site {self._site} has arrived in {row.peer}; end the move, and then move it back")
        if self._target_knows:
            self._clear_target()
        with self._source.database.write() as connection:
            self._fence_source(connection)
            connection.execute(delete(MoveRow).where(self._of))
            self._log(connection, self._source, f"cancelled: stays, not moved to {row.peer}")
        return SiteMoved(site=self._site, source=self._source.database.shown, target=row.peer)

    def _clear_target(self) -> None:
        with self._target.database.write(patient=True) as connection:
            self._fence_target(connection)
            clear_site(connection, self._site)
        clear_frames(self._target.database, self._site, self._fence_target)
        with self._target.database.write() as connection:
            self._fence_target(connection)
            for table, column in ((MoveRow, MoveRow.site), (TokenRow, TokenRow.site), (SiteRow, SiteRow.name)):
                connection.execute(delete(table).where(column == self._site))

    def _begin(self, *, cancels: bool = False) -> MoveState:
        """Take hold of the move in both ledgers; return how far the source says that it is."""
        source, target = self._source.database, self._target.database
        with source.write() as connection:
            connection.execute(select(SiteRow.name).where(SiteRow.name == self._site).with_for_update())
            row = self._row(connection)
            if row is None or row.state == int(MoveState.ARRIVED):
                self._require_free()
                self._move_id, self._lease, state = secrets.token_hex(16), 1, MoveState.LEAVING
                values = {"site": self._site, "move_id": self._move_id, "state": int(state), "lease": 1}
                put(connection, MoveRow, [values | {"peer": target.shown}], ("move_id", "state", "lease", "peer"))
                self._log(connection, self._source, f"begun, to {target.shown}")
            elif row.state == int(MoveState.ARRIVING):
                raise OptionError(f"site {self._site} is being moved here from {row.peer}; end that move first")
            elif row.peer != target.shown:
                way = "has moved" if row.state == int(MoveState.GONE) else "is on its way"
                raise OptionError(f"site {self._site} {way} to {row.peer}, not to {target.shown}; name that one")
            else:
                self._move_id, self._lease, state = row.move_id, row.lease + 1, MoveState(row.state)
                connection.execute(update(MoveRow).where(self._of).values(lease=self._lease))
        with target.write() as connection:
            self._target_knows = self._receive(connection, state, cancels=cancels)
        return state

    def _require_free(self) -> None:
        """Raise OptionError unless the target may have a site of this name, before the source notes any move."""
        with self._target.database.read() as connection:
            named = connection.execute(select(SiteRow.name).where(SiteRow.name == self._site)).first()
            row = self._row(connection)
            if named is None:
                return
            shown = self._target.database.shown
            if shown == self._source.database.shown:
                raise OptionError(f"{shown} is the ledger that has site {self._site}; name another one")
            if row is None or row.state != int(MoveState.GONE):
                raise OptionError(f"ledger {shown} has a site {self._site} already; a ledger has one of each name")
            if connection.execute(select(StreamRow.stream_id).where(StreamRow.site == self._site)).first():
                raise OptionError(f"ledger {shown} still has rows of site {self._site}; end its move from there first")

    def _receive(self, connection: Connection, state: MoveState, *, cancels: bool) -> bool:
        """Let the target know of the move, once, and of who goes on with it; return whether it knows."""
        connection.execute(select(SiteRow.name).where(SiteRow.name == self._site).with_for_update())
        row = self._row(connection)
        if row is not None and row.move_id == self._move_id:
            if row.state not in {int(MoveState.ARRIVING), int(MoveState.ARRIVED)}:
                raise LedgerError(f"{self._target.database.shown} is the ledger that has site {self._site}, too")
            if row.lease > self._lease:
                raise self._taken_over()
            connection.execute(update(MoveRow).where(self._of).values(lease=self._lease))
            return True
        if state is MoveState.GONE:  # it arrived, and has moved on since
            return False
        known = connection.execute(select(SiteRow.name).where(SiteRow.name == self._site)).first()
        if state is MoveState.STOPPED or (known and (row is None or row.state != int(MoveState.GONE))):
            if cancels:
                return False
            raise OptionError(
                f"ledger {self._target.database.shown} has another site {self._site} than the one on its way there; "
                "was that ledger restored, or the site added? Run `raypp ledger move --cancel`"
            )
        if not known:
            values = {"name": self._site, "version": 0, "reap_after_us": 0, "added_us": self._target.clock()}
            connection.execute(insert(SiteRow), [values])
        values = {"site": self._site, "move_id": self._move_id, "state": int(MoveState.ARRIVING), "lease": self._lease}
        row_values = values | {"peer": self._source.database.shown}
        put(connection, MoveRow, [row_values], ("move_id", "state", "lease", "peer"))
        return True

    def _stop_streams(self) -> None:
        """Let no stream of the site commit in the source from now on: none is opened, and no lease holds."""
        with self._source.database.write() as connection:
            connection.execute(select(SiteRow.name).where(SiteRow.name == self._site).with_for_update())
            self._fence_source(connection)
            connection.execute(update(MoveRow).where(self._of).values(state=int(MoveState.STOPPED)))
        with self._source.database.write() as connection:  # commits hold the site's row after their stream's
            self._fence_source(connection)
            raised = update(StreamRow).where(StreamRow.site == self._site).values(lease=StreamRow.lease + 1)
            connection.execute(raised)

    def _arrive(self, copy: SiteCopy) -> None:
        """Copy the rest, and make the site the target's."""
        source_database, target_database = self._source.database, self._target.database
        with source_database.read(patient=True) as source, target_database.write(patient=True) as target:
            self._fence_target(target)
            copy.copy_rest(source, target)
            target.execute(update(MoveRow).where(self._of).values(state=int(MoveState.ARRIVED)))
            self._log(target, self._target, f"arrived, from {self._source.database.shown}")

    def _leave(self) -> None:
        """Let the source have the site no more; its tokens stay, so that agents learn where it is."""
        with self._source.database.write(patient=True) as connection:
            row = self._fence_source(connection)
            if row.state != int(MoveState.GONE):
                clear_site(connection, self._site)
                connection.execute(update(MoveRow).where(self._of).values(state=int(MoveState.GONE)))
                self._log(connection, self._source, f"gone, to {self._target.database.shown}")

    def _make_partitions(self) -> None:
        """Let the target have partitions of the site's weeks, if that can be: then no chunk has to move again."""
        with self._source.database.read(patient=True) as connection:
            weeks = {week_of(moment_us) for moment_us in days_of_chunks(connection, self._site)}
        keep_partitions_ahead(self._target.database, self._target.clock(), weeks)

    def _chunks(self) -> float:
        query = select(func.sum(StreamRow.committed)).where(StreamRow.site == self._site)
        with self._source.database.read() as connection:
            return float(connection.execute(query).scalar() or 0)

    def _has_arrived(self) -> bool:
        with self._source.database.read() as connection:
            row = self._row(connection)
            if row is not None and row.state == int(MoveState.GONE):
                return True
        with self._target.database.read() as connection:
            row = self._row(connection)
        return row is not None and row.move_id == self._move_id and row.state == int(MoveState.ARRIVED)

    def _fence_source(self, connection: Connection) -> Row[tuple[object, ...]]:
        return self._fenced(connection, (MoveState.LEAVING, MoveState.STOPPED, MoveState.GONE))

    def _fence_target(self, connection: Connection) -> Row[tuple[object, ...]]:
        return self._fenced(connection, (MoveState.ARRIVING,))

    def _fenced(self, connection: Connection, states: tuple[MoveState, ...]) -> Row[tuple[object, ...]]:
        """Hold the row of moves, if this process still is the one that goes on."""
        connection.execute(select(SiteRow.name).where(SiteRow.name == self._site).with_for_update(key_share=True))
        row = connection.execute(select(MoveRow.__table__).where(self._of).with_for_update()).one_or_none()
        mine = row is not None and row.move_id == self._move_id and row.lease == self._lease
        if row is None or not mine or row.state not in {int(state) for state in states}:
            raise self._taken_over()
        return row

    def _taken_over(self) -> ConflictError:
        return ConflictError(f"another `raypp ledger move` of site {self._site} goes on with it; this one ends")

    def _row(self, connection: Connection) -> Row[tuple[object, ...]] | None:
        return connection.execute(select(MoveRow.__table__).where(self._of)).one_or_none()

    def _log(self, connection: Connection, ledger: Ledger, detail: str) -> None:
        write_audit(connection, ledger.clock(), self._who, "ledger move", self._site, detail)
