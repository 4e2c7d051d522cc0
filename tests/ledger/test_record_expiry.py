"""Retention reaches what is of no stream, too: runs of tools, devices, tokens; and every table has its place in it."""

import hashlib
from pathlib import Path

import pytest

from raypp.errors import ConflictError, OptionError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.device_values import DeviceInstance, SilenceLimits
from raypp.ledger.devices import Devices
from raypp.ledger.expiry import retain
from raypp.ledger.identity import Identities
from raypp.ledger.schema import newest_schema
from raypp.ledger.store import Ledger
from raypp.ledger.tables import DAY_US, Base
from raypp.ledger.tool_store import ToolStore
from raypp.ledger.tool_values import RunCharge, RunEnd, RunState, SubmittedTool
from raypp.toolbox.release import release_runs, write_again
from tests.ledger.site import Clock
from tests.web.devices import device_report

REACHED = {
    *("chunks", "frames", "episodes", "stretches", "violations", "exposures", "outbox"),
    *("tool_runs", "devices", "device_configurations", "tokens"),
}
STAYS = {
    "of what is set up, as long as it is": {"sites", "settings", "cameras", "models", "channels", "moves"},
    "positions, which hold no finding": {"streams", "open_streams", "terms", "judged"},
    "who did what": {"audit", "research_tools", "tool_approvals", "tool_releases", "deployments"},
    "models and what they were judged by": {
        *("registered_models", "model_aliases", "veil_certificates", "model_agreements"),
    },
}
_CONTENT = b"packed"
_TOOL = SubmittedTool(hashlib.sha256(_CONTENT).hexdigest(), "probe", "1.0", "anna", _CONTENT)
_LIMITS = SilenceLimits(DAY_US, 2 * DAY_US)
_TABLES = '{"t":{"columns":["n"],"rows":[["mark-tables"]]}}'
_MARKS = tuple(
    f"mark-{name}" for name in ("parameters", "data", "words", "messages", "tables", "version", "configured")
)


def test_each_table_is_reached_or_stays_for_a_reason() -> None:
    """A new table fails here, until retention reaches it or its reason to stay stands above."""
    placed = [*REACHED, *(name for names in STAYS.values() for name in names)]
    assert newest_schema()
    assert sorted(placed) == sorted(Base.metadata.tables)


def _run(store: ToolStore, rule: int | None) -> int:
    run = store.begin(_TOOL, RunCharge(_TOOL.digest, "zoe", '{"p": "mark-parameters"}', "mark-data", 40, 400))
    store.end(run, RunEnd(rule, "mark-words", "mark-messages", 0.5, _TABLES if rule is None else None))
    return run


def _filled(ledger: Ledger, clock: Clock, out: Path) -> ToolStore:
    """Let things happen, sixty days pass, and things happen again."""
    store, devices, identities = ToolStore(ledger, "test"), Devices(ledger), Identities(ledger)
    store.submit(_TOOL)
    identities.add_site("plant-1")
    identities.add_operator("carl", expires_us=clock.now + DAY_US)
    for device in ("old", "lasts"):
        devices.note(
            "plant-1", device, DeviceInstance(1, 1, False), device_report(agent_version="mark-version"), _LIMITS, 9
        )
    devices.put_configuration("plant-1", "old", b"mark-configured", "first")
    devices.put_configuration("plant-1", "never-came", b"mark-configured", "first")
    devices.put_configuration("plant-1", "lasts", b"stays", "first")
    _run(store, None)
    release_runs(store, "zoe", out)
    _run(store, None)
    _run(store, 5)
    store.begin(_TOOL, RunCharge(_TOOL.digest, "zoe", '{"p": "mark-parameters"}', "mark-data", 40, 400))
    clock.now += 60 * DAY_US
    devices.note("plant-1", "lasts", DeviceInstance(1, 1, False), device_report(agent_version="new"), _LIMITS, 9)
    return store


def test_old_records_are_forgotten_and_budgets_hold(ledger: Ledger, clock: Clock, tmp_path: Path) -> None:
    store = _filled(ledger, clock, tmp_path / "first.json")
    _run(store, None)
    planned = retain(ledger, 30 * DAY_US, dry_run=True)
    assert (planned.tool_runs, planned.devices, planned.tokens) == (4, 1, 1)
    assert [run.state for run in store.runs()].count(RunState.FORGOTTEN) == 0
    done = retain(ledger, 30 * DAY_US, who="test")
    assert (done.tool_runs, done.devices, done.tokens) == (4, 1, 1)
    again = retain(ledger, 30 * DAY_US)
    assert (again.tool_runs, again.devices, again.tokens) == (0, 0, 0)
    *old, new = store.runs()
    assert {(run.state, run.parameters, run.data, run.words, run.messages, run.tables) for run in old} == {
        (RunState.FORGOTTEN, "{}", "", "", "", None)
    }
    assert (new.messages, new.tables) == ("mark-messages", _TABLES)
    assert store.spent("zoe") == 5 * 40
    with pytest.raises(ConflictError, match=r"release 1 is older than the ledger keeps: its tables were forgotten"):
        write_again(store, 1, tmp_path / "again.json")
    release, begun = release_runs(store, "zoe", tmp_path / "second.json")
    assert (release.runs, begun) == (1, 0)
    devices = Devices(ledger)
    assert [device.device for device in devices.of()] == ["lasts"]
    configurations = [devices.configuration("plant-1", name) for name in ("lasts", "old", "never-came")]
    assert configurations == [b"stays", None, None]
    assert [token.site for token in Identities(ledger).list()] == ["plant-1"]
    assert not check_ledger(ledger).problems
    entries = [entry for entry in AuditLog(ledger).latest() if (entry.who, entry.action) == ("test", "retain")]
    assert {entry.subject for entry in entries} == {"plant-1", "tool runs", "tokens"}


def test_no_byte_of_them_is_left_in_sqlite(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}", clock=clock) as ledger:
        _filled(ledger, clock, tmp_path / "first.json")
        held = b"".join(each.read_bytes() for each in tmp_path.glob("ledger.db*"))
        assert [mark for mark in _MARKS if mark.encode() not in held] == []
        assert retain(ledger, 30 * DAY_US).emptied
    left = b"".join(each.read_bytes() for each in tmp_path.glob("ledger.db*"))
    assert [mark for mark in _MARKS if mark.encode() in left] == []


def test_a_run_that_ends_after_it_was_forgotten_is_kept(ledger: Ledger, clock: Clock, tmp_path: Path) -> None:
    store = ToolStore(ledger)
    store.submit(_TOOL)
    run = store.begin(_TOOL, RunCharge(_TOOL.digest, "zoe", "{}", "data", 40, 400))
    clock.now += 60 * DAY_US
    assert retain(ledger, 30 * DAY_US).tool_runs == 1
    store.end(run, RunEnd(None, "", "", 1.0, _TABLES))
    assert release_runs(store, "zoe", tmp_path / "late.json")[0].runs == 1
    with pytest.raises(OptionError, match="exists; name a new file"):
        release_runs(store, "zoe", tmp_path / "late.json")
