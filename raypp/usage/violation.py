"""Violations of a zone's rules, one of one person each, and how long people were in a zone with and without an item."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum

from raypp.usage.episode import EPISODE_ID_HEX, CloseReason, EpisodeState, StreamName

SLOT_US = 900_000_000
"""Exposure is summed up by quarters of an hour of event time: shifts and time zones begin with one."""


class ViolationKind(IntEnum):
    """The rule of a zone that is violated."""

    NOT_WORN = 1
    FORBIDDEN = 2
    MOST_PEOPLE = 3
    ALONE = 4


class CannotTell(IntEnum):
    """Why it cannot be told whether a person wears an item."""

    TOO_SMALL = 0
    HIDDEN = 1
    CUT = 2
    TURNED_AWAY = 3
    BLIND = 4


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of one rule of one zone.

    Attributes:
        violation_id: 32 hex digits, see `violation_id`.
        stream: the stream it was seen on.
        kind: the rule.
        zone: its name.
        item: the item that is not worn; empty for other rules.
        track: number of the person's track in its stream; 0 where the rule is not one person's. It names a person for
            as long as the camera follows them, and says nothing beyond.
        start_us, end_us: event time, from the end of the grace; the end is exclusive, and for an open violation the
            latest moment of it so far.
        seen_us: time within it that it was seen; bridged gaps are not counted.
        sure: how sure the evidence makes it, 0 to 1, over the seen time.
        state: open, provisional or final.
        reason: why it ended; None while open.
    """

    violation_id: str
    stream: StreamName
    kind: ViolationKind
    zone: str
    item: str
    track: int
    start_us: int
    end_us: int
    seen_us: int
    sure: float
    state: EpisodeState
    reason: CloseReason | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """Person-time in one zone that requires one item, within one quarter of an hour.

    Attributes:
        stream: the stream it was seen on.
        zone, item: their names.
        start_us: first moment counted; names the row with stream, zone and item.
        worn_us, not_worn_us: person-time with and without the item.
        doubts_us: person-time in which it cannot be told, by `CannotTell`.
    """

    stream: StreamName
    zone: str
    item: str
    start_us: int
    worn_us: int
    not_worn_us: int
    doubts_us: tuple[int, int, int, int, int]

    @property
    def cannot_tell_us(self) -> int:
        """Person-time in which it cannot be told, for whatever reason."""
        return sum(self.doubts_us)


def violation_id(
    stream: StreamName, rule: tuple[ViolationKind, str, str], track: int, start_us: int, settings_id: str
) -> str:
    """Name a violation by what fixes it: 32 hex digits of SHA-256.

    Args:
        stream: the stream.
        rule: kind, zone and item.
        track: the person's.
        start_us: its start.
        settings_id: of the settings it was found with.
    """
    kind, zone, item = rule
    parts = (
        stream.site,
        stream.camera,
        str(stream.epoch),
        kind.name,
        zone,
        item,
        str(track),
        str(start_us),
        settings_id,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:EPISODE_ID_HEX]
