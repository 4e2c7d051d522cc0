"""Alerts on their way: what the outbox holds of each."""

from dataclasses import dataclass
from enum import IntEnum


class DeliveryState(IntEnum):
    """Where an alert stands on its way by one channel. Numbers as in the ledger."""

    WAITING = 1
    SENT = 2
    DEAD = 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert and its way by one channel. Times are microseconds since 1970.

    Attributes:
        delivery_id: of this way.
        alert_id: of the alert: the same on every channel and in every try.
        channel: name of the channel.
        site, camera: where; an empty camera is the whole site.
        kind: an `AlertKind`, by its value.
        rule: name of the rule that asked for it.
        moment_us: when it happened, event time.
        content: what else a receiver is told, JSON.
        state: where it stands.
        tries: that failed.
        raised_us: when it was written, or when the quiet hours end in which it was; processing time, as the two below.
        due_us: it is not tried before.
        done_us: when it was sent, or given up; None while it waits.
        answer: of the receiver to the latest try; None before it.
    """

    delivery_id: int
    alert_id: str
    channel: str
    site: str
    camera: str
    kind: str
    rule: str
    moment_us: int
    content: str
    state: DeliveryState
    tries: int
    raised_us: int
    due_us: int
    done_us: int | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Count what one channel has not sent.

    Attributes:
        channel: its name.
        waiting: alerts that wait, those that are held for the end of quiet hours included.
        dead: alerts that were given up and not dropped.
        oldest_us: when the oldest of the waiting was raised, processing time; None where none waits but held ones.
    """

    channel: str
    waiting: int
    dead: int
    oldest_us: int | None
