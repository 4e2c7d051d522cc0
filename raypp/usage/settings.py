"""Settings of one site: time zone and shifts, stations of cameras, and when which tool counts as in use."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, model_validator

from raypp.errors import ContentError, SettingsError
from raypp.io.content import read_text
from raypp.io.problems import joined, nearest, ordinal, problems
from raypp.io.yaml import MOST_BYTES, read_yaml
from raypp.usage.alert_rules import AlertKind, AlertRule
from raypp.usage.equipment import PERSON, BodyPart, Equipment, PeopleRules
from raypp.usage.procedure_checks import check_procedures
from raypp.usage.procedure_rules import ProcedureRules
from raypp.usage.rules import (
    EVERY_STATION,
    CameraRules,
    Mode,
    RuleName,
    Rules,
    Seconds,
    Shift,
    TimeZone,
    ToolRules,
    Zone,
    is_left_out,
)

NOT_FOLDED = {"alerts", "procedures"}
"""Settings that change nothing of what is found in frames."""
_REMEDY = "docs/reference/rules.md lists fields and ranges"


class SiteSettings(Rules):
    """All settings of one site. docs/reference/rules.md explains every field."""

    site: RuleName | None = Field(None, description="name of the site, as a reminder for readers of the file")
    time_zone: TimeZone = Field("UTC", description="IANA name, such as Europe/Berlin")
    shifts: tuple[Shift, ...] = Field((), max_length=100)
    cameras: dict[RuleName, CameraRules] = Field(default_factory=dict, description="cameras that have stations")
    tools: tuple[ToolRules, ...] = Field((), max_length=1000, description="none: every class, mode present")
    procedures: tuple[ProcedureRules, ...] = Field((), max_length=100, description="what is to be done, step by step")
    equipment: tuple[Equipment, ...] = Field(
        (), max_length=20, exclude_if=is_left_out, description="safety equipment that zones may require"
    )
    people: PeopleRules | None = Field(
        None, exclude_if=is_left_out, description="how people are followed, where that is not as usual"
    )
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
        return self

    @model_validator(mode="after")
    def _zones_consistent(self) -> Self:
        _once("item", [equipment.item for equipment in self.equipment])
        items = {equipment.item for equipment in self.equipment}
        shifts = {shift.name for shift in self.shifts}
        for equipment in self.equipment:
            if equipment.min_cells > self.followed.cells:
                raise ValueError(
                    f"{equipment.item}: min_cells {equipment.min_cells:g} is more than the image has, "
                    f"{self.followed.cells} (`people.cells`); write a few cells"
                )
        for camera, name, zone in self._zones():
            where = f"camera {camera}, zone {name}"
            for what, names, known in (("item", zone.require, items), ("shift", zone.shifts, shifts)):
                for unknown in (wanted for wanted in names if wanted not in known):
                    raise ValueError(f"{where}: there is no {what} {unknown}; known: {_listed(known)}")
            if zone.grace_s > self.reap_after_s:
                raise ValueError(
                    f"{where}: grace_s {zone.grace_s:g} is longer than reap_after_s {self.reap_after_s:g}, "
                    "by when a silent stream is closed; shorten it, or raise reap_after_s"
                )
        return self

    @model_validator(mode="after")
    def _alerts_consistent(self) -> Self:
        _once("alert", [rule.name for rule in self.alerts])
        tools = {rules.tool for rules in self.tools} | {rules.wearer for rules in self.tools if rules.mode is Mode.WORN}
        items = {equipment.item for equipment in self.equipment}
        for rule in self.alerts:
            zones = {name for camera, name, _ in self._zones() if rule.concerns(camera)}
            theirs = " on its `cameras`" if rule.cameras else ""
            named = [("zone", theirs, rule.zones, zones), ("item", "", rule.items, items)]
            named.append(("procedure", "", rule.procedures, {procedure.name for procedure in self.procedures}))
            if tools:  # else each class of the model is one
                named.append(("tool", "", rule.tools, tools))
            for what, where, names, known in named:
                for unknown in (name for name in names if name not in known):
                    near = nearest(unknown, known)
                    remedy = f"did you mean {near}?" if near else f"known: {_listed(known)}"
                    raise ValueError(f"alert {rule.name}: there is no {what} {unknown}{where}; {remedy}")
            if rule.when is AlertKind.EXECUTION_DEVIATES and not self.procedures:
                raise ValueError(f"alert {rule.name}: the site has no `procedures`; add one, or leave the alert out")
        return self

    def _zones(self) -> Iterator[tuple[str, str, Zone]]:
        for camera, rules in self.cameras.items():
            for name, zone in rules.zones.items():
                yield camera, name, zone

    @property
    def followed(self) -> PeopleRules:
        """How people are followed."""
        return self.people or PeopleRules()

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
        return (
            *(
                f"alert {rule}: there is no class {tool}; write one of {_listed(known)}"
                for rule, tool in in_alerts
                if tool not in known
            ),
            *self._misfits(known),
        )

    def _misfits(self, known: set[str]) -> Iterator[str]:
        """Say which classes rules of use, equipment and people name that are none of these."""
        tools = [(f"({rules.tool})", (rules.class_name, *rules.near)) for rules in self.tools]
        items = [(f"({equipment.item})", equipment.classes) for equipment in self.equipment]
        named = [
            (f"{key}, {ordinal(number)} {what}", names)
            for key, entries in (("tools", tools), ("equipment", items))
            for number, (what, names) in enumerate(entries)
        ]
        for where, names in (*named, ("people", self.followed.classes)):
            for name in names:
                if name not in known:
                    near = nearest(name, known)
                    remedy = f"did you mean {near}?" if near else f"write one of {_listed(known)}"
                    yield f"{where}: there is no class {name}; {remedy}"

    def shows_people(self, classes: Collection[str]) -> bool:
        """Say whether a model with these classes shows people: by a class of its own, or by items on head or torso."""
        anchors = {equipment.on for equipment in self.equipment} & {BodyPart.HEAD, BodyPart.EYES, BodyPart.TORSO}
        return bool(self.followed.classes or PERSON in classes or anchors)

    def rules_for(self, classes: Sequence[str], where: str = "settings") -> tuple[ToolRules, ...]:
        """Return the rules for a model's classes: those of the settings, or mode present for every class.

        Raises:
            SettingsError: if the settings name a class that the model does not have.
        """
        unknown = list(self._misfits(set(classes)))
        if unknown:
            raise SettingsError(f"{where}: the model does not fit: {'; '.join(unknown)}")
        if not self.shows_people(classes) and (zones := list(self._zones())):
            raise SettingsError(
                f"{where}: the model does not fit: camera {zones[0][0]} has zones, but no class shows people; "
                "name one in `people`, `classes`"
            )
        if self.tools:
            return self.tools
        taken = {name for equipment in self.equipment for name in equipment.classes} | set(self.followed.classes)
        if any(True for _ in self._zones()):
            taken.add(PERSON)
        return tuple(ToolRules(class_name=name) for name in dict.fromkeys(classes) if name not in taken)


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} stands twice; give each a `name` of its own")


def _listed(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:20]) + (", ..." if len(listed) > 20 else "") if listed else "none"
