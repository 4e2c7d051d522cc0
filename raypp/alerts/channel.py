"""What a sender asks of a channel."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from raypp.ledger.delivery import Delivery


class Outcome(Enum):
    """Outcome of a try.

    SENT: the receiver has it. FAILED: it may be tried again. REFUSED: the receiver will never take this one.
    UNREACHED: as failed, and the next alert would fare no better just now.
    """

    SENT = "sent"
    FAILED = "failed"
    REFUSED = "refused"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Answer:
    """Outcome of a try, and words on it that hold no secret."""

    outcome: Outcome
    words: str


class Channel(Protocol):
    """One way to send alerts. Used from one event loop, for one alert at a time."""

    @property
    def deadline_s(self) -> float:
        """How long a try may take."""

    async def send(self, delivery: Delivery, body: bytes) -> Answer:
        """Try to send an alert; never raises for what a receiver or a network does."""

    async def close(self) -> None:
        """Close what is open."""
