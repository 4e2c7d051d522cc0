import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypp.ledger.store import Ledger
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import Clock, template


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer(fsync="off") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """Name of a database that holds a ledger with a site, to be copied."""
    url = postgres.database()
    with Ledger.open(url, clock=Clock()) as opened:
        opened.add_site("plant-1")
    return postgres.name_of(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a ledger that is not made yet, on each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    address = server.database()
    yield address
    server.drop(address)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a ledger with a site, on each database."""
    if request.param == "sqlite":
        shutil.copy(template(), tmp_path / "ledger.db")
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    address = server.database(request.getfixturevalue("postgres_template"))
    yield address
    server.drop(address)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(url: str, clock: Clock) -> Iterator[Ledger]:
    """An open ledger with a site, on each database."""
    with Ledger.open(url, clock=clock) as opened:
        yield opened
