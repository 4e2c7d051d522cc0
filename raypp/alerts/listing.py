"""JSON of `raypp alerts`. Times: microseconds since 1970."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from raypp.ledger.delivery import Delivery, DeliveryState

StateName = Literal["waiting", "sent", "dead"]
_CONTENT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_NAMES: dict[DeliveryState, StateName] = {
    DeliveryState.WAITING: "waiting",
    DeliveryState.SENT: "sent",
    DeliveryState.DEAD: "dead",
}


class AlertListing(BaseModel):
    """An alert on its way by one channel.

    `moment_us` is event time; `raised_us`, `due_us` and `done_us` are processing time. One that quiet hours hold has a
    `raised_us` in the future: their end. `tries` failed; `answer` is the receiver's to the latest try. `camera` is null
    where it is about the whole site.
    """

    model_config = ConfigDict(frozen=True)
    alert_id: str
    channel: str
    state: StateName
    kind: str
    rule: str
    camera: str | None
    moment_us: int
    raised_us: int
    due_us: int
    done_us: int | None
    tries: int
    answer: str | None
    content: dict[str, JsonValue]

    @classmethod
    def of(cls, delivery: Delivery) -> "AlertListing":
        """List an alert."""
        same = ("alert_id", "channel", "kind", "rule", "moment_us", "raised_us", "due_us", "done_us", "tries", "answer")
        return cls(
            state=_NAMES[delivery.state],
            camera=delivery.camera or None,
            content=_CONTENT.validate_json(delivery.content),
            **{name: getattr(delivery, name) for name in same},
        )


class AlertList(BaseModel):
    """Alerts of a site, oldest first."""

    model_config = ConfigDict(frozen=True)
    site: str
    alerts: tuple[AlertListing, ...]


class LettersChanged(BaseModel):
    """How many dead letters of a site were tried again, or dropped."""

    model_config = ConfigDict(frozen=True)
    site: str
    alerts: int


class TriedChannel(BaseModel):
    """Answer of one channel to a test alert."""

    model_config = ConfigDict(frozen=True)
    channel: str
    sent: bool
    answer: str
    seconds: float


class TestAnswers(BaseModel):
    """Answers to a test alert of a site."""

    model_config = ConfigDict(frozen=True)
    site: str
    alert_id: str
    channels: tuple[TriedChannel, ...]


def alert_list(site: str, deliveries: Iterable[Delivery]) -> AlertList:
    """List alerts of a site."""
    return AlertList(site=site, alerts=tuple(AlertListing.of(delivery) for delivery in deliveries))
