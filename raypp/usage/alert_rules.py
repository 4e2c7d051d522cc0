"""Alert rules: what somebody is told of, and through which channels."""

import re
from enum import Enum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from raypp.usage.procedure_rules import Deviation
from raypp.usage.quiet import QuietHours, WhenQuiet, quiet_until
from raypp.usage.rules import RuleName, Rules, Seconds, TimeZone


def _channel_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("is no name of a channel: use letters, digits, '.', '_' and '-', at most 100")
    return name


_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
ChannelName = Annotated[str, AfterValidator(_channel_name)]
WaitSeconds = Annotated[float, Field(ge=0, le=7 * 86_400, allow_inf_nan=False)]
LongSeconds = Annotated[float, Field(gt=0, le=31 * 86_400, allow_inf_nan=False)]


class AlertKind(Enum):
    """Kinds of events that raise an alert."""

    EPISODE_OPENED = "episode_opened"
    EPISODE_LASTS = "episode_lasts"
    EPISODE_ENDED = "episode_ended"
    VIOLATION_OPENED = "violation_opened"
    VIOLATION_LASTS = "violation_lasts"
    VIOLATION_ENDED = "violation_ended"
    EXECUTION_DEVIATES = "execution_deviates"
    CAMERA_BLIND = "camera_blind"
    CAMERA_SILENT = "camera_silent"
    SITE_SILENT = "site_silent"


OF_EPISODES = frozenset({AlertKind.EPISODE_OPENED, AlertKind.EPISODE_LASTS, AlertKind.EPISODE_ENDED})
OF_VIOLATIONS = frozenset({AlertKind.VIOLATION_OPENED, AlertKind.VIOLATION_LASTS, AlertKind.VIOLATION_ENDED})
SILENCES = frozenset({AlertKind.CAMERA_SILENT, AlertKind.SITE_SILENT})
_AT_ONCE = {
    AlertKind.EPISODE_OPENED: AlertKind.EPISODE_LASTS,
    AlertKind.EPISODE_ENDED: AlertKind.EPISODE_LASTS,
    AlertKind.VIOLATION_OPENED: AlertKind.VIOLATION_LASTS,
    AlertKind.VIOLATION_ENDED: AlertKind.VIOLATION_LASTS,
}
"""Kinds that wait for no length of time, each with the one that does."""
_NO_LENGTH = frozenset({*_AT_ONCE, AlertKind.EXECUTION_DEVIATES})


class AlertRule(Rules):
    """When an alert is raised, and who gets it."""

    name: RuleName = Field(description="what messages call it")
    when: AlertKind = Field(description="the event that raises it")
    longer_than_s: LongSeconds | None = Field(
        None,
        description="how long it must have lasted, of `episode_lasts`, `violation_lasts`, `camera_blind` and silence",
    )
    tools: tuple[RuleName, ...] = Field((), max_length=1000, description="of episodes: only of these tools; none: all")
    zones: tuple[RuleName, ...] = Field(
        (), max_length=1000, description="of violations: only in these zones; none: all"
    )
    items: tuple[RuleName, ...] = Field(
        (), max_length=20, description="of violations: only where one of these items is not worn; none: all"
    )
    procedures: tuple[RuleName, ...] = Field(
        (), max_length=100, description="of executions: only of these procedures; none: all"
    )
    deviations: tuple[Deviation, ...] = Field(
        (), max_length=len(Deviation), description="of executions: only with one of these; none: any deviation"
    )
    wait_s: WaitSeconds | None = Field(
        None, description="of executions: how long a camera that commits nothing is waited for; none: a day"
    )
    cameras: tuple[RuleName, ...] = Field((), max_length=1000, description="only of these cameras; none: all")
    within_s: Seconds | None = Field(
        None, description="only of what happened at most so long before it became known; none: however old"
    )
    quiet: QuietHours = Field((), description="local times in which it is not sent; none: sent at once")
    quiet_zone: TimeZone | None = Field(None, description="IANA name of the time zone of `quiet`; none: the site's")
    when_quiet: WhenQuiet = Field(
        WhenQuiet.HOLD, description="what becomes of an alert that is raised then: `hold` until they end, or `drop`"
    )
    to: tuple[ChannelName, ...] = Field(max_length=20, description="channels of the service that carry it")

    @property
    def longer_than_us(self) -> int:
        """How long it must have lasted, in microseconds; 0 where it need not."""
        return round((self.longer_than_s or 0) * 1e6)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.when in _NO_LENGTH and self.longer_than_s is not None:
            other = f"write {_AT_ONCE[self.when].value}, or leave it" if self.when in _AT_ONCE else "leave it out"
            raise ValueError(f"`longer_than_s` does not go with when {self.when.value}; {other}")
        if self.when not in _NO_LENGTH and self.longer_than_s is None:
            raise ValueError(f"when {self.when.value} needs `longer_than_s`, in seconds")
        if self.tools and self.when not in OF_EPISODES:
            raise ValueError(f"`tools` belongs to episodes, not to when {self.when.value}")
        for what, names in (("zones", self.zones), ("items", self.items)):
            if names and self.when not in OF_VIOLATIONS:
                raise ValueError(f"`{what}` belongs to violations, not to when {self.when.value}")
        executions = (("procedures", self.procedures), ("deviations", self.deviations), ("wait_s", self.wait_s))
        for what, given in executions:
            if given not in {(), None} and self.when is not AlertKind.EXECUTION_DEVIATES:
                raise ValueError(f"`{what}` belongs to executions, not to when {self.when.value}")
        if self.cameras and self.when is AlertKind.SITE_SILENT:
            raise ValueError("`cameras` does not go with when site_silent; write camera_silent")
        for what, is_given in (("quiet_zone", self.quiet_zone), ("when_quiet", self.when_quiet is WhenQuiet.DROP)):
            if is_given and not self.quiet:
                raise ValueError(f"`{what}` belongs to `quiet`; give the hours, or leave it out")
        if not self.to or len(set(self.to)) != len(self.to):
            raise ValueError("`to` must name a channel at least, and none twice")
        return self

    def in_zone(self, zone: str) -> "AlertRule":
        """Return the rule with the time zone of its quiet hours, where it has any and names none."""
        return self.model_copy(update={"quiet_zone": zone}) if self.quiet and self.quiet_zone is None else self

    def quiet_until(self, at_us: int) -> int | None:
        """Return when the quiet hours end that a moment lies in; None where it lies in none."""
        return quiet_until(self.quiet, ZoneInfo(self.quiet_zone or "UTC"), at_us) if self.quiet else None

    def concerns(self, camera: str) -> bool:
        """Whether it is about a camera."""
        return not self.cameras or camera in self.cameras

    def is_about(self, procedure: str) -> bool:
        """Whether it is about executions of a procedure."""
        return self.when is AlertKind.EXECUTION_DEVIATES and (not self.procedures or procedure in self.procedures)

    def covers(self, zone: str, item: str) -> bool:
        """Whether it is about violations in a zone, of an item; empty where the zone's rule has none."""
        return (not self.zones or zone in self.zones) and (not self.items or item in self.items)


STORED_RULES: TypeAdapter[tuple[AlertRule, ...]] = TypeAdapter(tuple[AlertRule, ...])
"""The rules of a site as JSON."""
