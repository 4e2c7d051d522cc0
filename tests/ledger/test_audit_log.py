import pytest

from raypp.errors import LedgerError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.store import Ledger
from tests.ledger.site import SECOND, Clock


def test_entries_come_back_in_order(ledger: Ledger, clock: Clock):
    log = AuditLog(ledger)
    for number in range(5):
        log.record("anna", "report", f"plant-{number}", "x" * 20_000)
        clock.now += SECOND
    entries = log.list()
    assert [entry.subject for entry in entries] == [f"plant-{number}" for number in range(5)]
    assert len(entries[0].detail) == 10_000
    assert log.list(since_us=entries[3].at_us) == entries[3:]
    assert log.list(after=entries[1].entry, limit=2) == entries[2:4]
    assert log.latest(2) == entries[3:]


def test_nothing_is_changed_or_deleted(ledger: Ledger):
    log = AuditLog(ledger)
    log.record("anna", "report", "plant-1")
    before = log.list()
    changes = ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE entry = 1"]
    if not ledger.database.is_sqlite:
        changes.append("TRUNCATE audit")
    for change in changes:
        with pytest.raises(LedgerError, match="append-only"), ledger.database.write() as connection:
            connection.exec_driver_sql(change)
        assert log.list() == before
