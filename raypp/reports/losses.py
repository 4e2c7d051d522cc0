"""Chunks of a site that were committed and that a restore of the ledger has lost, as a report names them."""

from zoneinfo import ZoneInfo

from raypp.ledger.shortfalls import Loss, losses
from raypp.ledger.store import Ledger
from raypp.reports.period import Period
from raypp.reports.wording import until
from raypp.usage.observation import Observation
from raypp.usage.report import LostPart
from raypp.usage.shifts import local
from raypp.usage.spans import length, union, within

_GAP_US = 2 * 1_000_000
"""Less than this between what is there now counts as streamed again."""
_MOST_NAMED = 5


def read_losses(ledger: Ledger, site: str, from_us: int) -> tuple[Loss, ...]:
    """Read what is lost of a site since a moment of event time, without what was streamed again."""
    lost = [loss for loss in losses(ledger, site) if not loss.end_us or loss.end_us >= from_us]
    return tuple(loss for loss in lost if not _is_there_again(ledger, site, loss))


def lost_parts(lost: tuple[Loss, ...], zone: ZoneInfo) -> list[LostPart]:
    """Return losses as a report holds them."""
    return [
        LostPart(
            camera=loss.camera,
            stream_epoch=loss.epoch,
            first_chunk=loss.first,
            last_chunk=loss.last,
            start=_local(loss.start_us, zone),
            end=_local(loss.end_us, zone),
            start_us=loss.start_us or None,
            end_us=loss.end_us or None,
        )
        for loss in lost
    ]


def loss_lines(lost: tuple[Loss, ...], zone: ZoneInfo) -> list[str]:
    """Return a sentence on each loss; the first few."""
    lines = [
        f"LOST, {loss.camera}: chunks {loss.first} to {loss.last} of stream {loss.epoch} were committed"
        + (f" ({until(Period(loss.start_us, loss.end_us), zone)})" if loss.start_us and loss.end_us else "")
        + ", and the ledger was restored to an earlier moment since"
        for loss in lost[:_MOST_NAMED]
    ]
    more = len(lost) - len(lines)
    return [*lines, f"and {more} more"] if more else lines


def _is_there_again(ledger: Ledger, site: str, loss: Loss) -> bool:
    if not loss.start_us or loss.end_us <= loss.start_us:
        return False
    spans = union(
        (stretch.start_us, stretch.end_us)
        for stretch in ledger.stretches(site, loss.start_us, loss.end_us)
        if stretch.stream.camera == loss.camera and stretch.observation is not Observation.DROPPED
    )
    return loss.end_us - loss.start_us - length(within(spans, loss.start_us, loss.end_us)) < _GAP_US


def _local(moment_us: int, zone: ZoneInfo) -> str | None:
    return local(moment_us, zone).isoformat() if moment_us else None
