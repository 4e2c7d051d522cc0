"""How alembic runs the versions: on the connection, and within the transaction, that `raypp.ledger.schema` gives."""

from alembic import context

from raypp.ledger.schema import VERSION_TABLE
from raypp.ledger.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
