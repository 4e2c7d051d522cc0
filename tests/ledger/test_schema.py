import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from raypp.errors import LedgerError
from raypp.ledger.partitions import list_partitions
from raypp.ledger.schema import VERSION_TABLE
from raypp.ledger.store import Ledger
from raypp.ledger.tables import Base


def test_migrations_lead_to_the_tables_as_they_are_declared(empty_url: str):
    with Ledger.open(empty_url) as ledger, ledger.database.read() as connection:
        partitions = [] if ledger.database.is_sqlite else [some.name for some in list_partitions(connection)]
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: kind != "table" or name not in partitions,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_schema_is_refused(url: str, create: bool):
    with Ledger.open(url) as ledger, ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE raypp_schema SET version_num = '9999'")
    with pytest.raises(LedgerError, match="has schema 9999, of a newer raypp than this one"):
        Ledger.open(url, create=create)


def test_a_failed_migration_leaves_nothing_behind(empty_url: str):
    with Ledger.open(empty_url) as ledger:
        pass
    with ledger.database.write() as connection:  # as if an older raypp had made other tables of these names
        connection.exec_driver_sql("DELETE FROM raypp_schema")
    with pytest.raises(LedgerError, match="already exists"):
        Ledger.open(empty_url)
    with ledger.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM raypp_schema").scalar_one() == 0
    ledger.close()
