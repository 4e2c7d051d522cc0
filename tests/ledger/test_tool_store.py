"""Research tools in a ledger, on each database: what is charged, and that a budget is not taken twice."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from raypp.errors import ConflictError, OptionError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.store import Ledger
from raypp.ledger.tool_store import ToolStore
from raypp.ledger.tool_values import KeptApproval, RunCharge, RunEnd, RunState, SubmittedTool
from tests.ledger.older import make_older

_CONTENT = b"packed"
_TOOL = SubmittedTool(hashlib.sha256(_CONTENT).hexdigest(), "probe", "1.0", "anna", _CONTENT)
_CHARGE = RunCharge(_TOOL.digest, "zoe", "{}", "detections", 40, 100)


def _store(ledger: Ledger) -> ToolStore:
    store = ToolStore(ledger, "test")
    assert store.submit(_TOOL)
    assert not store.submit(_TOOL)
    return store


def test_a_tool_goes_from_its_submission_to_a_release(ledger: Ledger):
    store = _store(ledger)
    assert store.tool("probe").content == _CONTENT
    for document in ("first", "second"):
        store.approve(_TOOL, KeptApproval(_TOOL.digest, "p" * 64, "ben", document))
    (kept,) = store.approvals(_TOOL.digest, "p" * 64)
    assert (kept.approver, kept.document) == ("ben", "second")
    first, second = store.begin(_TOOL, _CHARGE), store.begin(_TOOL, _CHARGE)
    store.end(first, RunEnd(None, "", "wrote", 0.5, '{"t": 1}'))
    release, begun = store.release("zoe", lambda number, runs: f"{number} {len(runs)}")
    assert (release.runs, begun, release.sha256) == (1, 1, f"{release.release_id} 1")
    store.end(second, RunEnd(5, "no number", "", 0.5, None))
    assert [(run.state, run.rule, run.release_id) for run in store.runs("zoe")] == [
        (RunState.VETTED, None, release.release_id),
        (RunState.REFUSED, 5, None),
    ]
    kept_release, (run,) = store.released(release.release_id)
    assert (kept_release, run.run_id, run.name, run.tables) == (release, first, "probe", '{"t": 1}')
    assert not check_ledger(ledger).problems
    assert [entry.action for entry in AuditLog(ledger).latest() if entry.who == "test"] == [
        *("tool submit", "tool approve", "tool approve", "tool run", "tool run", "tool run", "tool release", "tool run")
    ]


def test_a_release_that_fails_marks_nothing(ledger: Ledger):
    store = _store(ledger)
    store.end(store.begin(_TOOL, _CHARGE), RunEnd(None, "", "", 0.5, "{}"))

    def fails(number: int, runs: object) -> str:
        raise OptionError("no room")

    with pytest.raises(OptionError, match="no room"):
        store.release("zoe", fails)
    assert store.runs()[0].release_id is None
    assert store.release("zoe", lambda *_: "x")[0].runs == 1


def test_two_runs_do_not_both_take_the_last_of_a_budget(ledger: Ledger):
    store, together = _store(ledger), Barrier(4)

    def begin(_: int) -> bool:
        together.wait()
        try:
            store.begin(_TOOL, _CHARGE)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        begun = list(threads.map(begin, range(4)))
    assert sum(begun) == 2
    assert store.spent("zoe") == 80


def test_an_older_ledger_that_is_only_read_has_no_tool(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    make_older(url, "0014")
    with Ledger.open(url, create=False) as ledger:
        assert ToolStore(ledger).tools() == ToolStore(ledger).runs() == ()
        with pytest.raises(OptionError, match="there is no tool probe; submitted are none"):
            ToolStore(ledger).tool("probe")
