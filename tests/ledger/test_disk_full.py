"""A ledger on a disk that runs full."""

from pathlib import Path

import pytest

from raypp.errors import LedgerFullError
from raypp.ledger.store import Ledger
from tests.disks import fill, small_disk
from tests.ledger.site import STREAM, Clock, Connection, chunks, content, undisturbed, working_day


def test_on_a_full_disk_nothing_is_half_written_and_all_goes_on_once_there_is_room(tmp_path: Path) -> None:
    parts = chunks(working_day(2000), 20)
    with small_disk(tmp_path / "disk", 8) as disk, Ledger.open(f"sqlite:///{disk}/ledger.db", clock=Clock()) as ledger:
        ledger.add_site("plant-1")
        taken = fill(disk, leave_bytes=300_000)
        connection, sequence = Connection(ledger), 0
        with pytest.raises(LedgerFullError, match="is full; make room, nothing was written"):
            for sequence in range(1, len(parts) + 1):
                connection.send(sequence, parts[sequence - 1])
        assert 1 < sequence < len(parts)
        position = ledger.position(STREAM)
        assert position is not None
        assert position.committed == sequence - 1
        assert list(ledger.frames(STREAM)) == [frame for part in parts[: sequence - 1] for frame in part]
        taken.unlink()
        heir = Connection(ledger)
        assert heir.committed == sequence - 1
        for sequence in range(heir.committed + 1, len(parts) + 1):
            heir.send(sequence, parts[sequence - 1], last=sequence == len(parts))
        assert content(ledger) == undisturbed(parts)
