"""References that are made from the code when the site is built leave nothing out."""

import inspect
import re

import pytest
from pydantic import BaseModel

import raypp
from docs.generate import api, commands, models, protos
from raypp.reports.episode_record import EpisodeRecord
from tests.command import succeed

_LISTED = re.compile(r"^│ +([a-z][a-z-]*) ", re.MULTILINE)


def _section(text: str, heading: str) -> str:
    """Text under one heading of a page, up to the next heading of its level."""
    level = heading.split(" ", 1)[0]
    (_, after) = text.split(f"\n{heading}\n", 1)
    return re.split(rf"\n#{{1,{len(level)}}} ", after, maxsplit=1)[0]


@pytest.mark.parametrize(("part", "model"), [*models.REPORT, ("episode", EpisodeRecord), *models.EXECUTIONS])
def test_every_field_of_the_report_is_documented(part: str, model: type[BaseModel]) -> None:
    section = _section(models.report_page(), f"## {part[0].upper()}{part[1:]}")
    assert [name for name in model.model_fields if f"`{name}`\n:   " not in section] == []


@pytest.mark.parametrize(("title", "where", "parts"), models.SETTINGS)
def test_every_setting_is_documented(title: str, where: str, parts: models.Models) -> None:
    page = models.settings_page()
    assert where in page
    for name, model in parts:
        section = _section(page, f"### {title}: {name}")
        names = [field.alias or name for name, field in model.model_fields.items()]
        assert [name for name in names if f"`{name}`\n:   " not in section] == []


def test_every_command_that_help_lists_is_documented_with_all_its_options() -> None:
    page = commands.page()
    listed = set(_LISTED.findall(succeed("--help").stdout)) - {"help"}
    assert {"veil", "serve", "site", "audit-log"} <= listed
    assert {name.split()[0] for name in commands.commands()} == listed
    for name in ("veil", "site add", "stream"):
        section = _section(page, f"## raypp {name}")
        options = set(re.findall(r"(--[a-z][a-z-]+)", succeed(*name.split(), "--help").stdout)) - {"--help"}
        assert {option for option in options if option not in section} == set(), name


def test_every_message_and_field_of_the_contract_is_documented() -> None:
    page = protos.page()
    text = re.sub(r"//.*", "", protos.PROTO.read_text())
    for block in re.findall(r"^(?:message|enum|service) (\w+)", text, re.MULTILINE):
        assert re.search(rf"^## (message|enum|service) {block}$", page, re.MULTILINE), block
    assert {name for name in re.findall(r"(\w+) = \d+;", text) if f"`{name}` (" not in page} == set()
    assert {name for name in re.findall(r"rpc (\w+)\(", text) if f"`{name}`: " not in page} == set()


def test_every_public_name_of_the_api_has_its_signature_and_what_it_says_of_itself() -> None:
    page = api.page()
    assert "def " not in page
    for name in raypp.__all__:
        value, section = getattr(raypp, name), _section(page, f"### {name}")
        assert inspect.getdoc(value).splitlines()[0] in section, name
        if inspect.isfunction(value):
            parameters = inspect.signature(value).parameters
            assert f"\n{name}(" in section
            described = set(re.findall(r"^\* `(\w+)`: ", section, re.MULTILINE))
            assert [parameter for parameter in parameters if parameter not in described] == [], name
            assert "**Raises**" in section or name in {"make_sample", "draw_veiled"}
    assert "* `ShardError`: " in _section(page, "### open_archive")


def test_fields_of_settings_and_results_are_documented_with_their_defaults() -> None:
    page = api.page()
    assert "`shard_mb`\n:   number, default `32`. Aimed size of a shard, in megabytes." in _section(
        page, "### VeilSettings"
    )
    assert "`signed_by`\n:   string or none. Fingerprint of the key" in _section(page, "### VeilSummary")
    for name in ("Archive", "VeiledFrame", "Detector", "LedgerReader", "EvaluationReport", "AuditSummary"):
        assert f"\n### {name}\n" in page
    assert "detect(self, frames" in _section(page, "#### Detector.detect")
