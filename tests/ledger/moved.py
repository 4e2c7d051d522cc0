"""What a site is compared by that was moved to another ledger."""

from dataclasses import replace

from sqlalchemy import func, select

from raypp.ledger.identity import Identities
from raypp.ledger.letters import Letters
from raypp.ledger.store import Ledger
from raypp.ledger.tables import Base
from tests.ledger.site import chunks, content, working_day

PARTS = chunks(working_day())
HALF = len(PARTS) // 2
ALERTS = "alerts:\n  - {name: drill used, when: episode_opened, tools: [drill], to: [office]}\n"


def whole(ledger: Ledger) -> tuple[object, ...]:
    """All that a ledger has of the site but what moving changes: keys, leases, the audit log."""
    tokens = sorted((token.token_id, token.revoked_us) for token in Identities(ledger).list())
    letters = [replace(letter, delivery_id=0) for letter in Letters(ledger, "plant-1").latest()]
    return content(ledger), ledger.site_settings("plant-1"), tokens, letters, ledger.streams("plant-1")


def rows(ledger: Ledger) -> dict[str, int]:
    """Count what a ledger holds of any site."""
    tables = [table for table in Base.metadata.sorted_tables if "stream_id" in table.c or "camera" in table.c]
    with ledger.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        }
