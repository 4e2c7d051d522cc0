"""A ledger behind PgBouncer in transaction mode: each transaction may run in another session of the server."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest

from raypp.errors import LedgerUnavailableError, StaleStreamError
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.pooler import Pooler
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import T0, Clock, Connection, chunks, content, undisturbed, working_day

_PARTS = chunks(working_day())


@contextmanager
def pooled(postgres: PostgresServer, **settings: object) -> Iterator[tuple[Pooler, str]]:
    """A PgBouncer, and the URL of a new database by way of it."""
    url = postgres.database()
    with Pooler(postgres, **settings) as pooler:
        yield pooler, pooler.url(url)
    postgres.drop(url)


def at_once(*calls: Callable[[], object]) -> None:
    """Run calls at once in threads; raise what they raise."""
    with ThreadPoolExecutor(len(calls)) as threads:
        for running in [threads.submit(call) for call in calls]:
            running.result()


@pytest.mark.parametrize("ignored", ["extra_float_digits", "extra_float_digits, options"])
def test_more_streams_than_sessions_of_the_server(postgres: PostgresServer, ignored: str):
    """Statements are prepared in no session: another stream's transaction is the next to have it."""
    with pooled(postgres, ignore_startup_parameters=ignored) as (_, url):

        def open_it() -> None:
            Ledger.open(url, clock=Clock()).close()

        at_once(*[open_it] * 4)  # makes the schema once
        with Ledger.open(url, clock=Clock()) as ledger:
            sites = [f"plant-{number}" for number in range(6)]
            for site in sites:
                ledger.add_site(site)
            calls = [
                lambda site=site: Connection(ledger, StreamName(site, "bench", T0)).send_all(_PARTS, last=True)
                for site in sites
            ]
            at_once(*calls)
            for site in sites:
                stream = StreamName(site, "bench", T0)
                assert content(ledger, site).frames == ((stream, undisturbed(_PARTS).frames[0][1]),)
                assert len(ledger.episodes(site)) == len(undisturbed(_PARTS).episodes)


def test_no_client_leaves_its_settings_to_a_ledger(postgres: PostgresServer):
    """With one session, whatever a client sets in it is set for the next one: a commit is durable all the same."""
    names = ("statement_timeout", "lock_timeout", "synchronous_commit", "timezone")
    with pooled(postgres, default_pool_size=1) as (_, url), Ledger.open(url) as ledger:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SET statement_timeout = 1")
            other.execute("SET synchronous_commit = off")
            other.execute("SET timezone = 'Asia/Tokyo'")
            shown = {}
            for begin in (ledger.database.read, ledger.database.write):
                with begin() as connection:
                    shown[begin] = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
            assert set(map(tuple, shown.values())) == {("30s", "10s", "on", "UTC")}
            assert other.execute("SHOW statement_timeout").fetchone() == ("1ms",)  # and nothing was left to it
        ledger.add_site("plant-1")


def test_patient_transactions_are_patient(postgres: PostgresServer):
    with pooled(postgres) as (_, url), Ledger.open(url) as ledger:
        with ledger.database.write(patient=True) as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "0"
        with ledger.database.write() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "30s"


def test_a_pool_that_is_used_up_is_retriable(postgres: PostgresServer):
    with pooled(postgres, default_pool_size=1, query_wait_timeout=1) as (_, url), Ledger.open(url) as ledger:
        with ledger.database.write() as connection:
            connection.exec_driver_sql("SELECT 1")
            with pytest.raises(LedgerUnavailableError, match="try again"):
                ledger.add_site("plant-1")
        assert ledger.add_site("plant-1")


def test_a_pooler_that_is_killed_loses_and_doubles_nothing(postgres: PostgresServer):
    with pooled(postgres) as (pooler, url):
        with Ledger.open(url, clock=Clock()) as ledger:
            ledger.add_site("plant-1")
        begun = threading.Event()

        def kill() -> None:
            begun.wait(10)
            for _ in range(3):
                pooler.stop()
                pooler.start()

        def stream() -> None:
            with Ledger.open(url, clock=Clock()) as ledger:
                begun.set()
                done = False
                while not done:
                    with suppress(LedgerUnavailableError, StaleStreamError):
                        connection = Connection(ledger)
                        for number in range(connection.committed + 1, len(_PARTS) + 1):
                            connection.send(number, _PARTS[number - 1], last=number == len(_PARTS))
                        done = True

        at_once(kill, stream)
        with Ledger.open(url, clock=Clock()) as ledger:
            assert content(ledger) == undisturbed(_PARTS)
