import json
import stat
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.audit_log import audit_log
from raypp.cli.forget import forget
from raypp.cli.operators import operator
from raypp.cli.reaggregate import reaggregate
from raypp.cli.sites import make_site_app
from raypp.errors import LedgerError, OptionError, RayppError, SettingsError, UnknownSiteError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from tests.ledger.site import Clock, Connection, chunks, content, working_day


def build() -> typer.Typer:
    app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
    app.add_typer(make_site_app(), name="site")
    app.add_typer(operator, name="operator")
    app.command("forget")(forget)
    app.command("reaggregate")(reaggregate)
    app.command("audit-log")(audit_log)
    return app


def run(*arguments: object, env: dict[str, str] | None = None):
    return CliRunner(env={"COLUMNS": "200", "RAYPP_LEDGER": "", **(env or {})}).invoke(
        build(), [str(argument) for argument in arguments]
    )


def succeed(*arguments: object, env: dict[str, str] | None = None):
    done = run(*arguments, env=env)
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done


def fail(kind: type[RayppError], words: str, *arguments: object) -> None:
    done = run(*arguments)
    assert type(done.exception) is kind, done.output
    assert words in str(done.exception)


COMMANDS = [
    *(f"site {name}" for name in ("add", "list", "revoke", "expire", "configure")),
    *(f"operator {name}" for name in ("add", "list", "revoke")),
    *("forget", "reaggregate", "audit-log"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_names_the_command(command: str):
    text = succeed(*command.split(), "--help").stdout
    assert f"Example: raypp {command}" in " ".join(text.split())
    assert "--ledger" in text


def test_a_site_from_its_registration_to_its_revocation(empty_url: str, tmp_path: Path):
    ledger = ("--ledger", empty_url)
    added = succeed("site", "add", "plant-1", *ledger)
    token = added.stdout.strip()
    assert token.startswith("rpp_")
    assert token not in added.stderr
    out = tmp_path / "plant-1.token"
    second = succeed("site", "add", "plant-1", "--expires", "90d", "--out", out, *ledger)
    assert second.stdout == ""
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    fail(OptionError, "exists; a secret is never overwritten", "site", "add", "plant-1", "--out", out, *ledger)
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    inside = tmp_path / "tree" / "plant-1.token"
    fail(OptionError, "would lie in the working tree", "site", "add", "plant-1", "--out", inside, *ledger)
    assert not inside.exists()

    summary = tmp_path / "sites.json"
    succeed("site", "list", *ledger, "--json", summary)
    (site,) = json.loads(summary.read_text())["sites"]
    assert (site["site"], len(site["tokens"]), site["streams"]) == ("plant-1", 2, [])
    assert [listed["good"] for listed in site["tokens"]] == [True, True]
    assert sorted(listed["expires_us"] is None for listed in site["tokens"]) == [False, True]

    with Ledger.open(empty_url) as opened:
        assert Identities(opened).check(token).site == "plant-1"
        assert Identities(opened).check(out.read_text().strip()).site == "plant-1"
    assert "a further token for plant-1 (1 other good)" in second.stderr
    assert (
        "2 tokens expire 2099-01-31 00:00:00 UTC"
        in succeed("site", "expire", "plant-1", "--at", "2099-01-31", *ledger).stderr
    )
    assert "revoked 2 tokens" in succeed("site", "revoke", "plant-1", *ledger, "--json", summary).stderr
    assert json.loads(summary.read_text())["tokens"] == 2
    assert "revoked" in succeed("site", "list", *ledger).stdout
    fail(UnknownSiteError, "elsewhere", "site", "revoke", "elsewhere", *ledger)

    log = succeed("audit-log", *ledger, "--json", summary).stdout
    assert [entry["action"] for entry in json.loads(summary.read_text())["entries"]] == [
        *("site add", "site add", "site expire", "site revoke"),
    ]
    assert token not in log
    assert "command line" in log


def test_the_audit_log_is_archived(url: str, tmp_path: Path):
    ledger, out = ("--ledger", url), tmp_path / "old.jsonl"
    succeed("site", "add", "plant-2", *ledger)
    fail(OptionError, "go together", "audit-log", "--archive-before", "2099-01-01", *ledger)
    fail(OptionError, "--delete goes with", "audit-log", "--delete", *ledger)
    ask = ("audit-log", "--archive-before", "2099-01-01", "--out", out, *ledger)
    assert "wrote 1 entry of before 2099-01-01" in succeed(*ask, "--delete").stderr
    assert json.loads(out.read_text())["action"] == "site add"
    assert "audit archive  old.jsonl  1 entry up to number" in succeed("audit-log", *ledger).stdout


def test_operators(empty_url: str, tmp_path: Path):
    ledger = ("--ledger", empty_url)
    succeed("operator", "add", "anna", *ledger)
    summary = tmp_path / "operators.json"
    assert "good" in succeed("operator", "list", *ledger, "--json", summary).stdout
    assert json.loads(summary.read_text())["tokens"][0]["name"] == "anna"
    succeed("operator", "revoke", "anna", *ledger)
    assert "revoked" in succeed("operator", "list", *ledger).stdout


def test_settings(url: str, tmp_path: Path):
    ledger = ("--ledger", url)
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("time_zone: Europe/Berlin\n")
    bad.write_text("time_zone: Mars/Olympus\n")
    assert "default settings" in succeed("site", "configure", "plant-1", *ledger).stdout
    assert "settings version 1" in succeed("site", "configure", "plant-1", good, *ledger).stderr
    fail(SettingsError, "Mars/Olympus", "site", "configure", "plant-1", bad, *ledger)
    assert succeed("site", "configure", "plant-1", *ledger).stdout == good.read_text()
    with Ledger.open(url) as opened:
        (entry,) = [logged for logged in AuditLog(opened).list() if logged.action == "site configure"]
    assert (entry.subject, entry.detail) == ("plant-1", "version 1")
    assert entry.who.startswith("command line")


def test_a_class_that_no_model_has_is_refused_and_frames_of_other_settings_are_told(url: str, tmp_path: Path):
    ledger, settings, summary = ("--ledger", url), tmp_path / "plant-1.yaml", tmp_path / "summary.json"
    settings.write_text("tools: [{class: sow}]\n")
    done = succeed("site", "configure", "plant-1", settings, *ledger)
    assert "classes are not checked: no model has been served" in done.stderr
    assert "reaggregate" not in done.stderr
    with Ledger.open(url, clock=Clock()) as opened:
        opened.configure("plant-1", "time_zone: UTC\n")
        Connection(opened).send_all(chunks(working_day(40)), last=True)
        before = opened.site_settings("plant-1")
    ask = ("site", "configure", "plant-1", settings, *ledger)
    fail(SettingsError, "tools, 1st (sow): there is no class sow; did you mean saw?", *ask)
    with Ledger.open(url) as opened:
        assert opened.site_settings("plant-1") == before
    assert "classes are not checked: as asked" in succeed(*ask, "--unchecked").stderr
    settings.write_text("tools: [{class: saw}]\n")
    words = (
        "40 frames came under other settings, and reports still show what those found: run `raypp reaggregate plant-1`"
    )
    done = succeed(*ask, "--json", summary)
    assert words in done.stderr
    assert "not checked" not in done.stderr
    assert json.loads(summary.read_text())["frames_apart"] == 40
    assert words in succeed("site", "configure", "plant-1", *ledger).stderr
    succeed("reaggregate", "plant-1", *ledger)
    assert "reaggregate" not in succeed("site", "configure", "plant-1", *ledger).stderr


def test_a_model_that_does_not_tell_its_errors_is_told_where_it_matters(url: str, tmp_path: Path):
    ledger, settings = ("--ledger", url), tmp_path / "plant-1.yaml"
    settings.write_text("equipment: [{item: helmet, on: head, yes: [saw], no: [drill]}]\n")
    words = "evidence of equipment counts alike for all classes: the model does not tell its errors"
    assert words not in succeed("site", "configure", "plant-1", settings, *ledger).stderr
    with Ledger.open(url, clock=Clock()) as opened:
        Connection(opened).send_all(chunks(working_day(40)), last=True)
    assert words in succeed("site", "configure", "plant-1", settings, *ledger).stderr
    settings.write_text("tools: [{class: saw}]\n")
    assert words not in succeed("site", "configure", "plant-1", settings, *ledger).stderr


def test_only_frames_of_other_settings_are_counted(url: str):
    parts = chunks(working_day(80))
    with Ledger.open(url, clock=Clock()) as opened:
        Connection(opened).send_all(parts[:3])
        opened.configure("plant-1", "max_frame_gap_s: 4")
        later = Connection(opened)
        for sequence, part in enumerate(parts[3:], 4):
            later.send(sequence, part)
        assert opened.frames_apart("plant-1") == 24
        opened.configure("plant-1", "max_frame_gap_s: 3")
        assert opened.frames_apart("plant-1") == 80


def test_numbers_have_the_nouns_that_fit(url: str):
    ledger = ("--ledger", url)
    succeed("site", "add", "plant-2", *ledger)
    assert (
        "1 token expires 2099-01-31 00:00:00 UTC"
        in succeed("site", "expire", "plant-2", "--at", "2099-01-31", *ledger).stderr
    )
    assert "revoked 1 token; services refuse it within 5 s" in succeed("site", "revoke", "plant-2", *ledger).stderr
    with Ledger.open(url, clock=Clock()) as opened:
        Connection(opened).send(1, working_day(1))
    assert "1 frame, last commit" in (listed := succeed("site", "list", *ledger).stdout)
    assert "UTC" in listed
    assert "forgot 1 frame with" in succeed("forget", "plant-1", "--all", *ledger).stderr


def test_forget_and_reaggregate(url: str, tmp_path: Path):
    ledger, summary = ("--ledger", url), tmp_path / "summary.json"
    with Ledger.open(url, clock=Clock()) as opened:
        Connection(opened).send_all(chunks(working_day(400)), last=True)
        before = content(opened)
    settings = tmp_path / "new.yaml"
    settings.write_text("tools:\n- {class: drill, mode: present, min_on_s: 30}\n")
    dry = succeed("reaggregate", "plant-1", "--settings", settings, "--dry-run", *ledger, "--json", summary)
    assert "-> 0 episodes" in dry.stdout
    assert json.loads(summary.read_text())["changed"] == 1
    fail(OptionError, "--dry-run", "reaggregate", "plant-1", "--settings", settings, *ledger)
    assert "had these settings already" in succeed("reaggregate", "plant-1", *ledger).stderr

    fail(OptionError, "say what to forget", "forget", "plant-1", *ledger)
    fail(OptionError, "say what to forget", "forget", "plant-1", "--all", "--to", "2030-01-01", *ledger)
    fail(OptionError, "is no time", "forget", "plant-1", "--to", "yesterday", *ledger)
    fail(OptionError, "not before the end", "forget", "plant-1", "--from", "2030-01-01", "--to", "2020-01-01", *ledger)
    dry = succeed("forget", "plant-1", "--older-than", "30d", "--dry-run", *ledger, "--json", summary)
    assert "would forget 400 frames" in dry.stderr
    with Ledger.open(url) as opened:
        assert content(opened) == before
    succeed("forget", "plant-1", "--all", *ledger)
    with Ledger.open(url) as opened:
        assert opened.episodes("plant-1") == []


def test_the_ledger_is_named_by_option_or_environment(url: str):
    succeed("site", "list", env={"RAYPP_LEDGER": url})
    fail(OptionError, "RAYPP_LEDGER", "site", "list")


def test_readers_make_no_ledger(tmp_path: Path):
    fail(LedgerError, "there is no ledger", "site", "list", "--ledger", f"sqlite:///{tmp_path}/typo.db")
    assert list(tmp_path.iterdir()) == []


def test_forgotten_bytes_that_a_reader_keeps_are_told_by_the_status(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(chunks(working_day(40)))
        ask = ("forget", "plant-1", "--all", "--ledger", url, "--wait", 0.1, "--json", tmp_path / "done.json")
        with ledger.database.read() as reading:
            reading.exec_driver_sql("SELECT sum(frames) FROM chunks").scalar_one()
            done = run(*ask)
            assert done.exit_code == 3
            assert "still in the ledger's log" in done.stderr
            assert "forgot 40 frames" in done.stderr
            assert json.loads((tmp_path / "done.json").read_text())["emptied"] is False
        succeed(*ask)
        assert json.loads((tmp_path / "done.json").read_text())["emptied"] is True
