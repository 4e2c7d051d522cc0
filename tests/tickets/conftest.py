"""An archive and tickets about it, made once for all that only read them."""

from pathlib import Path

import pytest

from raypp.tickets.ticket import Ticket
from tests.tickets.archives import opened, suspects, veiled


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of six images; nothing may write to it."""
    return veiled(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def tickets(archive: Path) -> tuple[Ticket, ...]:
    """A ticket of each kind of suspect: overlooked, swapped, badly located."""
    path = archive.parent / "suspects.csv"
    path.write_text(suspects(archive))
    return opened(archive, path)
