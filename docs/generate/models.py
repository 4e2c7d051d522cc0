"""References of settings and reports, from the pydantic models that read and write them."""

import inspect
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from raypp.alerts.settings import AlertSettings, MqttSettings, WebhookSettings
from raypp.capacity.prices import CapacityPrices
from raypp.capacity.settings import CapacitySettings
from raypp.collective.plan import CollectivePlan
from raypp.collective.privacy_options import PrivacyOptions
from raypp.edge.cameras_file import CameraSettings, SiteCameras
from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.reports.episode_record import EpisodeRecord
from raypp.reports.execution_record import ExecutionRecord, ExecutionsReport, ProcedureTotal, StepRecord
from raypp.reports.safety_record import DayTotals, SafetyReport, ShiftTotals, ViolationRecord, ZoneTotal
from raypp.reports.truth_record import ComparedUse, ToolScore, TruthReport
from raypp.retention.policy import ArchiveRule, LedgerRule, RetentionPolicy
from raypp.sandbox.limits import SandboxLimits
from raypp.serving.guard import DoorLimits
from raypp.serving.limits import ServiceLimits
from raypp.serving.quota import Quotas
from raypp.serving.settings import DetectionSettings, Scale, ServiceSettings
from raypp.tally.plan import TallyFigure, TallyParty, TallyPlan
from raypp.toolbox.manifest import (
    ChoiceParameter,
    Choices,
    NamedColumn,
    NumberParameter,
    NumberRange,
    OutputTable,
    ToolManifest,
)
from raypp.toolbox.policy import ToolPolicy
from raypp.usage.alert_rules import AlertRule
from raypp.usage.coverage import Coverage, ThreeStates
from raypp.usage.procedure_rules import ExecutionRules, GroupRules, ProcedureRules, StepRules
from raypp.usage.report import (
    Durations,
    LaneReport,
    LostPart,
    ShiftReport,
    SiteReport,
    Step,
    StreamOverlap,
    Transition,
    UseTotal,
    WornReport,
)
from raypp.usage.rules import CameraRules, Shift, ToolRules
from raypp.usage.settings import SiteSettings
from raypp.veil.spec import LearnedSpec, PatchSpec

Models = Sequence[tuple[str, type[BaseModel]]]

SETTINGS: Sequence[tuple[str, str, Models]] = (
    (
        "Rules of a site",
        "`raypp site configure SITE FILE`. [Rules of use](rules.md) explains them.",
        (("site", SiteSettings), ("shift", Shift), ("camera", CameraRules), ("tool", ToolRules), ("alert", AlertRule)),
    ),
    (
        "Procedures of a site",
        "`procedures` of the rules. [Procedures](procedures.md) explains them.",
        (
            ("procedure", ProcedureRules),
            ("execution", ExecutionRules),
            ("step", StepRules),
            ("group", GroupRules),
        ),
    ),
    (
        "Cameras of an agent",
        "`raypp stream --config cameras.yaml`. [The how-to](../how-to/cameras.md) shows a file.",
        (("file", SiteCameras), ("camera", CameraSettings), ("watch", CameraHealthSettings)),
    ),
    (
        "The service",
        "`raypp serve --settings FILE`, and `args` of `cluster/serve.yaml`.",
        (
            ("service", ServiceSettings),
            ("limits", ServiceLimits),
            ("quotas", Quotas),
            ("door", DoorLimits),
            ("detection", DetectionSettings),
            ("gateways, detectors", Scale),
            ("alerts", AlertSettings),
            ("alerts.channels, webhook", WebhookSettings),
            ("alerts.channels, mqtt", MqttSettings),
        ),
    ),
    (
        "Capacity",
        "`raypp capacity --settings FILE` and `--prices FILE`. [Plan capacity](../how-to/capacity.md) shows both.",
        (("load and machines", CapacitySettings), ("prices of a month", CapacityPrices)),
    ),
    (
        "Retention",
        "`raypp retain FILE`. [The how-to](../how-to/retention-policy.md) shows a file.",
        (("policy", RetentionPolicy), ("rule, archive", ArchiveRule), ("rule, ledger", LedgerRule)),
    ),
    (
        "Tally plans",
        "`raypp tally join PLAN`. [The how-to](../how-to/tally.md) shows a file.",
        (("plan", TallyPlan), ("party", TallyParty), ("figure", TallyFigure)),
    ),
    (
        "Research tools",
        "`tool.yaml` of a tool, and the owner's policy. [The how-to](../how-to/tool-platform.md) shows both.",
        (
            ("tool", ToolManifest),
            ("parameter, a number", NumberParameter),
            ("parameter, a choice", ChoiceParameter),
            ("table", OutputTable),
            ("column, a number", NumberRange),
            ("column, a choice", Choices),
            ("column, a name", NamedColumn),
            ("resources", SandboxLimits),
            ("policy", ToolPolicy),
        ),
    ),
    (
        "Collective plans",
        "`raypp collective open PLAN`. [The how-to](../how-to/collective.md) shows a file.",
        (("plan", CollectivePlan), ("differential privacy", PrivacyOptions)),
    ),
    (
        "Specs of a veil",
        "`raypp veil --spec FILE`. [The patch veil](patch-veil.md) defines the fields.",
        (("patch", PatchSpec), ("learned", LearnedSpec)),
    ),
)

REPORT: Models = (
    ("report", SiteReport),
    ("coverage", Coverage),
    ("total", UseTotal),
    ("lane", LaneReport),
    ("states", ThreeStates),
    ("durations", Durations),
    ("worn", WornReport),
    ("shift", ShiftReport),
    ("step", Step),
    ("transition", Transition),
    ("overlap", StreamOverlap),
    ("lost", LostPart),
)

EXECUTIONS: Models = (
    ("executions", ExecutionsReport),
    ("procedure", ProcedureTotal),
    ("execution", ExecutionRecord),
    ("step of an execution", StepRecord),
)

SAFETY: Models = (
    ("safety", SafetyReport),
    ("total of a zone", ZoneTotal),
    ("totals of a day", DayTotals),
    ("totals of a shift", ShiftTotals),
    ("violation", ViolationRecord),
)
TRUTH: tuple[tuple[str, type[BaseModel]], ...] = (
    ("beside true uses", TruthReport),
    ("score of a tool", ToolScore),
    ("compared use", ComparedUse),
)


def settings_page() -> str:
    """Return the page of all settings files, as Markdown."""
    lines = ["# Settings", "", "Every settings file is YAML or JSON. No other field is accepted."]
    for title, where, models in SETTINGS:
        lines += ["", f"## {title}", "", where]
        for name, model in models:
            lines += ["", f"### {title}: {name}", "", *_model(model)]
    return "\n".join(lines) + "\n"


def report_page() -> str:
    """Return the page of the report's JSON and of an episode's row, as Markdown."""
    lines = [
        "# Reports as data",
        "",
        "`raypp report --json FILE` and `GetSiteReport` give one document. Seconds are of the part within the range.",
        "Fields that end in `_us` are microseconds since 1970. `start` and `end` beside them are the same on the",
        "site's clocks, ISO 8601 with offset. [Read reports of a site](../how-to/report.md) explains the figures.",
        "`raypp report --procedures --json FILE` gives the document under *Executions*,",
        "`raypp report --safety --json FILE` the one under *Safety*, and",
        "`raypp report --truth CAMERA=FILE --json FILE` the one under *Beside true uses*.",
    ]
    for name, model in (*REPORT, ("episode", EpisodeRecord), *EXECUTIONS, *SAFETY, *TRUTH):
        lines += ["", f"## {name[0].upper()}{name[1:]}", "", *_model(model)]
    return "\n".join(lines) + "\n"


def _model(model: type[BaseModel]) -> list[str]:
    """One model: its docstring, then a definition of each field."""
    return [(model.__doc__ or "").strip().splitlines()[0] if model.__doc__ else "", "", *fields_of(model)]


def fields_of(model: type[BaseModel]) -> list[str]:
    """Return a definition of each field of a model, described by the field itself or by the model's docstring."""
    lines = []
    described = attributes_of(model)
    schema = model.model_json_schema(by_alias=True)
    if "$ref" in schema:  # a model that may hold itself
        schema = schema["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    for name, facts in schema["properties"].items():
        lines += [f"`{name}`", f":   {_sentence({'description': described.get(name, ''), **facts})}", ""]
    return lines[:-1]


def attributes_of(model: type) -> dict[str, str]:
    """Return what the docstring of a class says of its attributes, by name."""
    _, _, text = (inspect.getdoc(model) or "").partition("Attributes:\n")
    entries = re.findall(r"^    ([\w, ]+): ((?:.|\n     +)*)$", text.partition("\n\n")[0], re.MULTILINE)
    return {name: " ".join(words.split()).rstrip(".") for names, words in entries for name in names.split(", ")}


def _sentence(facts: dict[str, Any]) -> str:
    """Type, range, default and description of a field, from its JSON schema."""
    parts = [_kind(facts)]
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    options = [facts, *facts.get("anyOf", [])]
    parts += [f"{word} {option[key]}" for option in options for key, word in limits.items() if key in option]
    default = facts.get("default")
    if isinstance(default, (int, float, str)) and default != "":
        parts.append(f"default `{default}`")
    words = facts.get("description", "")
    return ", ".join(parts) + ("." if not words else f". {words[0].upper()}{words[1:]}.")


def _kind(facts: dict[str, Any]) -> str:
    """Type of a field in words."""
    match facts:
        case {"$ref": str(name)}:
            words = name.rsplit("/", 1)[1]
        case {"anyOf": list(options)} | {"oneOf": list(options)}:
            words = " or ".join(_kind(option) for option in options)
        case {"const": value}:
            words = f"`{value}`"
        case {"enum": list(values)}:
            words = " or ".join(f"`{value}`" for value in values)
        case {"format": "path"}:
            words = "path"
        case {"type": "array"}:
            words = f"list of {_kind(facts.get('items', {}))}"
        case _:
            words = {"null": "none"}.get(str(facts.get("type")), str(facts.get("type", "any")))
    return words
