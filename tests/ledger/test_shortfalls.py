"""What sites were told is committed, compared with a ledger of either database."""

from dataclasses import replace

from raypp.ledger.audit_log import AuditLog
from raypp.ledger.identity import Identities
from raypp.ledger.shortfalls import LOST, MOST_LOSSES, Commitment, Loss, losses, note_losses, shortfalls
from raypp.ledger.store import Ledger
from tests.ledger.site import T0, Connection, chunks, working_day

_WHOLE = Commitment("bench", T0, sequence=2, held_from=3, first_us=T0, last_us=T0 + 5_000_000)


def test_only_streams_of_which_the_ledger_has_less_are_named(ledger: Ledger) -> None:
    Connection(ledger).send_all(chunks(working_day(16)))
    assert shortfalls(ledger, "plant-1", [_WHOLE]) == []
    more = replace(_WHOLE, sequence=5, held_from=4)
    unknown = replace(_WHOLE, camera="other")
    behind = shortfalls(ledger, "plant-1", [more, _WHOLE, unknown])
    assert [(item.commitment, item.committed, item.is_lost) for item in behind] == [
        (more, 2, True),
        (unknown, 0, True),
    ]
    assert not shortfalls(ledger, "plant-1", [replace(more, held_from=3)])[0].is_lost
    assert shortfalls(ledger, "plant-2", [_WHOLE])[0].committed == 0


def test_what_a_later_stream_has_taken_over_is_lost_though_the_site_holds_it(ledger: Ledger) -> None:
    Connection(ledger).send_all(chunks(working_day(16)))
    before = replace(_WHOLE, epoch=T0 - 1, held_from=1)
    later = replace(_WHOLE, epoch=T0 + 1, held_from=1)
    behind = shortfalls(ledger, "plant-1", [before, later])
    assert [(item.superseded, item.is_lost) for item in behind] == [(True, True), (False, False)]
    assert Loss.of(behind[0]) == Loss("bench", T0 - 1, 1, 2, T0, T0 + 5_000_000)


def test_each_loss_is_written_once_and_read_again_as_it_was(ledger: Ledger) -> None:
    Identities(ledger).add_site("plant-1")
    loss = Loss("bench", T0, 3, 5, T0 + 1, T0 + 2_000_000)
    without_times = Loss("bench", T0 + 1, 1, 1, 0, 0)
    assert note_losses(ledger, "plant-1", [loss, without_times], "site plant-1") == [loss, without_times]
    assert note_losses(ledger, "plant-1", [loss], "site plant-1") == []
    assert losses(ledger, "plant-1") == [loss, without_times]
    assert losses(ledger, "plant-2") == []
    entries = [entry for entry in AuditLog(ledger).list() if entry.action == LOST]
    assert [(entry.who, entry.subject) for entry in entries] == [("site plant-1", "plant-1")] * 2


def test_what_a_site_says_was_committed_does_not_fill_the_audit_log(ledger: Ledger) -> None:
    Identities(ledger).add_site("plant-1")
    made_up = [Loss("bench", epoch, 1, 1, 0, 0) for epoch in range(1, MOST_LOSSES + 10)]
    assert note_losses(ledger, "plant-1", made_up, "site plant-1") == made_up[:MOST_LOSSES]
    assert note_losses(ledger, "plant-1", made_up, "site plant-1") == []
    assert losses(ledger, "plant-1") == made_up[:MOST_LOSSES]
