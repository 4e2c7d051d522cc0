import hashlib
import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from raypp.errors import LedgerError, OptionError
from raypp.ledger import audit_archive
from raypp.ledger.audit_archive import archive
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.store import Ledger
from tests.ledger.site import SECOND, Clock


def _fill(ledger: Ledger, clock: Clock, count: int) -> None:
    for number in range(count):
        clock.now += SECOND
        AuditLog(ledger).record("anna", "report", f"plant-{number}", "caf\N{LATIN SMALL LETTER E WITH ACUTE}")


def _refuses_deletions(ledger: Ledger) -> bool:
    try:
        with ledger.database.write() as connection:
            connection.execute(text("DELETE FROM audit"))
    except LedgerError as error:
        return "append-only" in str(error)
    return False


def test_old_entries_go_into_a_file_and_out_of_the_ledger_and_that_is_recorded(
    ledger: Ledger, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(audit_archive, "_AT_A_TIME", 4)
    _fill(ledger, clock, 10)
    before = AuditLog(ledger).list()
    out = tmp_path / "old.jsonl"
    done = archive(ledger, before[7].at_us, out, remove=True, who="bea")
    assert (done.entries, done.last, done.deleted) == (7, before[6].entry, True)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(line["entry"], line["subject"], line["detail"]) for line in lines] == [
        (entry.entry, entry.subject, entry.detail) for entry in before[:7]
    ]
    assert done.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    left = AuditLog(ledger).list()
    assert left[:-1] == before[7:]
    assert (left[-1].who, left[-1].action, left[-1].subject) == ("bea", "audit archive", "old.jsonl")
    assert left[-1].detail == f"7 entries up to number {before[6].entry}, SHA-256 {done.sha256}"
    assert _refuses_deletions(ledger)
    AuditLog(ledger).record("anna", "report", "plant-1")
    assert AuditLog(ledger).list()[-1].entry > left[-1].entry


def test_without_the_flag_nothing_is_deleted(ledger: Ledger, clock: Clock, tmp_path: Path):
    _fill(ledger, clock, 3)
    assert not archive(ledger, clock.now + 1, tmp_path / "all.jsonl", remove=False).deleted
    assert [entry.action for entry in AuditLog(ledger).list()] == ["report"] * 3 + ["audit export"]
    with pytest.raises(OptionError, match="File exists"):
        archive(ledger, clock.now + 1, tmp_path / "all.jsonl", remove=True)
    assert len(AuditLog(ledger).list()) == 4


def test_a_deletion_that_fails_leaves_entries_and_triggers(
    ledger: Ledger, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _fill(ledger, clock, 3)

    def fail(*_: object) -> None:
        raise LedgerError("no")

    monkeypatch.setattr(audit_archive, "write_audit", fail)
    with pytest.raises(LedgerError, match="no"):
        archive(ledger, clock.now + 1, tmp_path / "all.jsonl", remove=True)
    assert len(AuditLog(ledger).list()) == 3
    assert _refuses_deletions(ledger)
