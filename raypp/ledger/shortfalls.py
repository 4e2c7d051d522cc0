"""What sites were told is committed and the ledger does not have, as after a restore to an earlier moment."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, tuple_

from raypp.ledger.moves import hold_site, require_here
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import AuditRow, CameraRow, SiteRow, StreamRow

LOST = "lost"
"""The action of the audit log's entries on what is missing for good."""
_DETAIL = re.compile(
    r"stream (?P<camera>[A-Za-z0-9._-]+)@(?P<epoch>\d+), chunks (?P<first>\d+) to (?P<last>\d+), "
    r"(?P<start>\S+) to (?P<end>\S+):"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_LOSSES = 1000
"""Losses of a site that the audit log takes: what a site says was committed is its own word."""
_UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Commitment:
    """A stream as far as its site was told that it is committed.

    Attributes:
        camera, epoch: the stream, of the site.
        sequence: chunks 1 to this one.
        held_from: first chunk that the site still holds; one more than `sequence` where it holds none.
        first_us, last_us: times of the first and the last frame of these chunks, microseconds since 1970; 0: not known.
    """

    camera: str
    epoch: int
    sequence: int
    held_from: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A stream of which the ledger has less.

    Attributes:
        commitment: what its site was told.
        committed: last chunk that the ledger has; 0: it does not know the stream.
        newest_us: time of the latest frame that it has of it; 0 without any.
        superseded: the ledger has a later stream of the camera, and takes nothing more of this one.
    """

    commitment: Commitment
    committed: int
    newest_us: int
    superseded: bool = False

    @property
    def is_lost(self) -> bool:
        """Whether the site cannot send again all that is missing."""
        return self.superseded or self.committed + 1 < self.commitment.held_from


@dataclass(frozen=True, slots=True)
class Loss:
    """Chunks that were committed, and that neither the ledger nor the site's spool has.

    Attributes:
        camera, epoch: the stream.
        first, last: numbers of the chunks.
        start_us, end_us: times between which their frames lie, microseconds since 1970; 0: not known.
    """

    camera: str
    epoch: int
    first: int
    last: int
    start_us: int
    end_us: int

    @classmethod
    def of(cls, shortfall: Shortfall) -> "Loss":
        """Return what is lost of a shortfall that `is_lost`."""
        commitment = shortfall.commitment
        start_us = shortfall.newest_us or commitment.first_us
        return cls(
            commitment.camera,
            commitment.epoch,
            shortfall.committed + 1,
            commitment.sequence if shortfall.superseded else min(commitment.held_from - 1, commitment.sequence),
            start_us,
            commitment.last_us,
        )

    @property
    def detail(self) -> str:
        """The words of the audit log, which `parse` reads."""
        return (
            f"stream {self.camera}@{self.epoch}, chunks {self.first} to {self.last}, {_words(self.start_us)} to "
            f"{_words(self.end_us)}: the site was told that they are committed, and the ledger does not have them"
        )

    @classmethod
    def parse(cls, detail: str) -> "Loss | None":
        """Read an entry's detail; None where it is none."""
        match = _DETAIL.match(detail)
        if match is None:
            return None
        epoch, first, last = (int(match[name]) for name in ("epoch", "first", "last"))
        return cls(match["camera"], epoch, first, last, _moment_us(match["start"]), _moment_us(match["end"]))


def shortfalls(ledger: Ledger, site: str, commitments: Sequence[Commitment]) -> list[Shortfall]:
    """Return the streams of which the ledger has less than a site was told, in the order given.

    Raises:
        SiteMovingError: if the site has moved to another ledger, or is not here yet.
    """
    names = [(commitment.camera, commitment.epoch) for commitment in commitments]
    query = select(StreamRow.camera, StreamRow.epoch, StreamRow.committed, StreamRow.newest_us).where(
        StreamRow.site == site, tuple_(StreamRow.camera, StreamRow.epoch).in_(names)
    )
    latest_query = select(CameraRow.camera, CameraRow.latest_epoch).where(
        CameraRow.site == site, CameraRow.camera.in_({camera for camera, _ in names})
    )
    with ledger.database.read() as connection:
        require_here(connection, site)
        rows = connection.execute(query).all()
        latest = {row.camera: row.latest_epoch for row in connection.execute(latest_query)}
    held = {(row.camera, row.epoch): (row.committed, row.newest_us or 0) for row in rows}
    compared = [
        Shortfall(
            commitment,
            *held.get((commitment.camera, commitment.epoch), (0, 0)),
            superseded=commitment.epoch < latest.get(commitment.camera, 0),
        )
        for commitment in commitments
    ]
    return [shortfall for shortfall in compared if shortfall.committed < shortfall.commitment.sequence]


def losses(ledger: Ledger, site: str) -> list[Loss]:
    """Return all losses of a site that the audit log has, the oldest entry first."""
    with ledger.database.read() as connection:
        return _losses(connection, site)


def note_losses(ledger: Ledger, site: str, lost: Sequence[Loss], who: str) -> list[Loss]:
    """Write losses into the audit log that it does not have, `MOST_LOSSES` in all; return those.

    One gateway at a time does so.

    Raises:
        SiteMovingError: if the site is being moved, or has moved.
    """
    with ledger.database.write() as connection:
        connection.execute(select(SiteRow.name).where(SiteRow.name == site).with_for_update(key_share=True))
        hold_site(connection, site)
        written = set(_losses(connection, site))
        new = [loss for loss in lost if loss not in written][: max(0, MOST_LOSSES - len(written))]
        for loss in new:
            write_audit(connection, ledger.clock(), who, LOST, site, loss.detail)
    return new


def _losses(connection: Connection, site: str) -> list[Loss]:
    query = select(AuditRow.detail).where(AuditRow.action == LOST, AuditRow.subject == site).order_by(AuditRow.entry)
    return [loss for detail in connection.execute(query).scalars() if (loss := Loss.parse(detail)) is not None]


def _words(moment_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=moment_us)).isoformat() if moment_us else _UNKNOWN


def _moment_us(words: str) -> int:
    if words == _UNKNOWN:
        return 0
    return (datetime.fromisoformat(words) - _EPOCH) // timedelta(microseconds=1)
