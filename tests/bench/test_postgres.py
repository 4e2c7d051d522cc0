"""A PostgreSQL that was given: measured in databases of its own, of which nothing is left."""

import pytest

from raypp.bench.databases import PostgresDatabase
from raypp.bench.ledger import postgres_rate
from raypp.errors import OptionError
from tests.ledger.postgres import PostgresServer


@pytest.mark.slow
def test_a_given_server_is_measured_and_left_as_it_was() -> None:
    with PostgresServer() as server:
        url = server.database()
        before = server.sql("postgres", "SELECT datname FROM pg_database ORDER BY datname")
        steps: list[int] = []
        rate = postgres_rate(url, lambda: steps.append(1))
        assert len(steps) == 4
        assert rate.server_ms is not None
        assert rate.server_ms > 0
        assert 10 < rate.detection_bytes < 40
        assert server.sql("postgres", "SELECT datname FROM pg_database ORDER BY datname") == before
        assert server.sql(server.name_of(url), "SELECT count(*) FROM pg_stat_user_tables") == "0"


def test_a_server_that_cannot_be_used_is_named_without_its_password() -> None:
    with PostgresServer() as server:
        server.sql("postgres", "CREATE ROLE guest LOGIN")
        url = server.database().replace("raypp@", "guest:secret@")
        words = "permission denied to create database; give a role that may"
        with pytest.raises(OptionError, match=words) as raised, PostgresDatabase.opened(url):
            pass
        assert "secret" not in str(raised.value)
    with pytest.raises(OptionError, match="cannot be reached") as raised, PostgresDatabase.opened(url):
        pass
    assert "secret" not in str(raised.value)
