"""One module a version, in alembic's form."""
