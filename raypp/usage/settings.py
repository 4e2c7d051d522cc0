"""Settings of one site: time zone and shifts, stations of cameras, and when which tool counts as in use."""

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator

from raypp.errors import ContentError, SettingsError
from raypp.io.content import read_text
from raypp.io.problems import joined, nearest, ordinal, problems
from raypp.io.yaml import MOST_BYTES, read_yaml
from raypp.usage.alert_rules import AlertRule
from raypp.usage.procedure_checks import check_procedures
from raypp.usage.procedure_rules import ProcedureRules
from raypp.usage.rules import EVERY_STATION, CameraRules, Mode, RuleName, Rules, Seconds, Shift, ToolRules

NOT_FOLDED = {"alerts", "procedures"}
"""Settings that change nothing of what is found in frames."""
_REMEDY = "docs/reference/rules.md lists fields and ranges"


class SiteSettings(Rules):
    """All settings of one site. docs/reference/rules.md explains every field."""

    site: RuleName | None = Field(None, description="name of the site, as a reminder for readers of the file")
    time_zone: str = Field("UTC", description="IANA name, such as Europe/Berlin")
    shifts: tuple[Shift, ...] = Field((), max_length=100)
    cameras: dict[RuleName, CameraRules] = Field(default_factory=dict, description="cameras that have stations")
    tools: tuple[ToolRules, ...] = Field((), max_length=1000, description="none: every class, mode present")
    procedures: tuple[ProcedureRules, ...] = Field((), max_length=100, description="what is to be done, step by step")
    max_frame_gap_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        5.0, description="a frame stands for the time up to the next one, and for so long at most"
    )
    max_lateness_s: Annotated[float, Field(ge=0, le=60)] = Field(
        1.0, description="how far behind the newest frame an earlier one may come; results wait for so long"
    )
    reap_after_s: Seconds = Field(
        120.0, description="a stream silent for so long has its open episodes closed provisionally"
    )
    alerts: tuple[AlertRule, ...] = Field((), max_length=100, description="what somebody is told of; none: nothing")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in _time_zones():
            raise ValueError("is no IANA time zone; write one such as Europe/Berlin or UTC")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _once("shift", [shift.name for shift in self.shifts])
        worn = [rules.wearer for rules in self.tools if rules.mode is Mode.WORN]
        _once("tool", [rules.tool for rules in self.tools] + worn)
        known = {station for camera in self.cameras.values() for station in camera.stations}
        for rules in self.tools:
            for station in rules.stations:
                if station == EVERY_STATION and known:
                    continue
                if station not in known:
                    raise ValueError(f"{rules.tool}: no camera has a station {station}; known: {_listed(known)}")
        _once("procedure", [procedure.name for procedure in self.procedures])
        check_procedures(self.procedures, self.tools, self.cameras, has_shifts=bool(self.shifts))
        _once("alert", [rule.name for rule in self.alerts])
        tools = {rules.tool for rules in self.tools} | set(worn)
        for rule in self.alerts:
            for tool in rule.tools:
                if tools and tool not in tools:
                    near = nearest(tool, tools)
                    remedy = f"did you mean {near}?" if near else f"known: {_listed(tools)}"
                    raise ValueError(f"alert {rule.name}: there is no tool {tool}; {remedy}")
        return self

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Read settings from YAML.

        Args:
            text: the file's content.
            where: what to call it in errors, such as its path.

        Raises:
            SettingsError: naming `where`, the field, the value and the remedy.
        """
        try:
            document = read_yaml(text)
        except ContentError as error:
            raise SettingsError(f"{where} {error}; docs/reference/rules.md shows the form") from None
        if document is None:
            document = {}
        if not isinstance(document, dict):
            raise SettingsError(f"{where} must map names of settings to values; docs/reference/rules.md shows the form")
        try:
            return cls.model_validate_json(json.dumps(document, allow_nan=False))  # JSON: lists stand for tuples
        except (TypeError, ValueError) as error:
            if not isinstance(error, ValidationError):
                raise SettingsError(f"{where}: {error}; docs/reference/rules.md shows the form") from None
            raise SettingsError(joined(where, problems(error, cls, document), _REMEDY)) from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read settings from a YAML file; raises SettingsError if it cannot be read or is not valid."""
        try:
            text = read_text(path, MOST_BYTES)
        except ContentError as error:
            raise SettingsError(f"settings file {path} {error}; give the path of a site's YAML") from None
        return cls.parse(text, f"settings file {path}")

    @classmethod
    def default(cls) -> Self:
        """Return the settings of a site that has none: every class in mode present, UTC, no stations."""
        return cls()

    @cached_property
    def settings_id(self) -> str:
        """Name how frames are folded: SHA-256 of the canonical JSON with all defaults, 64 hex digits.

        `NOT_FOLDED` is no part of it: where it changes, no episode ends.
        """
        dumped = self.model_dump(mode="json", by_alias=True, exclude=NOT_FOLDED)
        canonical = json.dumps(dumped, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)

    def unknown_classes(self, classes: Collection[str]) -> tuple[str, ...]:
        """Say which classes the settings name that are none of these, a sentence each."""
        known = set(classes)
        in_alerts = () if self.tools else tuple((rule.name, tool) for rule in self.alerts for tool in rule.tools)
        return tuple(
            f"alert {rule}: there is no class {tool}; write one of {_listed(known)}"
            for rule, tool in in_alerts
            if tool not in known
        ) + tuple(
            f"tools, {ordinal(number)} ({rules.tool}): there is no class {name}; "
            + (f"did you mean {near}?" if (near := nearest(name, known)) else f"write one of {_listed(known)}")
            for number, rules in enumerate(self.tools)
            for name in (rules.class_name, *rules.near)
            if name not in known
        )

    def rules_for(self, classes: Sequence[str], where: str = "settings") -> tuple[ToolRules, ...]:
        """Return the rules for a model's classes: those of the settings, or mode present for every class.

        Raises:
            SettingsError: if the settings name a class that the model does not have.
        """
        if not self.tools:
            return tuple(ToolRules(class_name=name) for name in dict.fromkeys(classes))
        unknown = self.unknown_classes(classes)
        if unknown:
            raise SettingsError(f"{where}: the model does not fit: {'; '.join(unknown)}")
        return self.tools


@cache
def _time_zones() -> frozenset[str]:
    """Names of all time zones; to list them, hundreds of files are looked at."""
    return frozenset(available_timezones())


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} stands twice; give each a `name` of its own")


def _listed(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:20]) + (", ..." if len(listed) > 20 else "") if listed else "none"
