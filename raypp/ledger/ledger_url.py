"""The URL of a ledger: a SQLite file's, or a PostgreSQL database's."""

from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from raypp.errors import LedgerError


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite ledger's file; what means something else in URLs is escaped."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


def sqlite_file(address: str) -> Path | None:
    """Return the file of a SQLite ledger by its URL; None for PostgreSQL. Raises LedgerError for any other URL."""
    url = parse_url(address)
    return Path(str(url.database)).absolute() if url.get_backend_name() == "sqlite" else None


def identity_of(address: str) -> str:
    """Return what names a PostgreSQL ledger's database, whoever connects to it, and however it is encrypted.

    Raises:
        LedgerError: for a URL of another kind.
    """
    url = parse_url(address)
    places = [str(url.query[name]) for name in ("host", "port", "service", "options") if name in url.query]
    return "\n".join([(url.host or "").lower(), str(url.port or 5432), url.database or url.username or "", *places])


def parse_url(address: str) -> URL:
    """Parse a ledger's URL; raises LedgerError for one of another kind."""
    try:
        url = make_url(address)
        name = url.drivername
        if name in {"postgres", "postgresql"}:
            url = url.set(drivername="postgresql+psycopg")
        elif name not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
            raise LedgerError(f"ledger URL of kind {name!r}; use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME")
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise LedgerError(
            "the ledger's URL is malformed; use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"
        ) from None
    return url


def without_password(url: URL) -> str:
    """Return a URL without its password, which its query may hold, too."""
    hidden = {name: "***" if "password" in name else value for name, value in url.query.items()}
    return url.set(query=hidden).render_as_string(hide_password=True)
