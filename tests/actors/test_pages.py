import asyncio
import base64
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.requests import Request

from actors.lanes import Lanes
from actors.pages import Pages
from actors.services import Services
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.identity import Identities
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.serving.access import Front
from raypp.serving.settings import ServiceSettings
from raypp.web.routes import make


@dataclass
class Shared:
    """A gateway's services, as far as pages use them, on a real ledger."""

    bearer = Services.bearer

    ledger: Ledger
    front: Front = field(default_factory=lambda: Front(None))
    settings: ServiceSettings = field(default_factory=lambda: ServiceSettings(models=(Path("tools.model"),)))

    def __post_init__(self):
        self.refused = []
        self.ledgers = Ledgers.around(self.ledger)
        self.lanes = Lanes(self.ledgers, self.settings)
        self.identities = Identities(self.ledgers)

    def token_refused(self, line):
        self.refused.append(line)


@pytest.fixture
def shared(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        yield Shared(ledger)


def get(shared, path, token):
    secret = base64.b64encode(f"x:{token}".encode())
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"", "server": ("127.0.0.1", 80),
        "headers": [(b"authorization", b"Basic " + secret)],
    }  # fmt: skip
    return asyncio.run(Pages(shared, partial(make, shared.ledger)).answer(Request(scope)))


def test_the_icon_needs_no_token_and_a_bad_one_does_not_hurt(shared):
    assert get(shared, "/favicon.svg", "rpp_0123456789abcdef_" + "A" * 43).status_code == 200
    assert get(shared, "/", "rpp_0123456789abcdef_" + "A" * 43).status_code == 401
    assert shared.refused == ["no good token (page from nowhere)"]


def test_a_page_is_audited_by_whom_it_was_made_for(shared):
    assert get(shared, "/", shared.identities.add_operator("boss")).status_code == 200
    last = AuditLog(shared.ledger).latest(1)[0]
    assert (last.action, last.subject) == ("page", "/")
    assert last.who.startswith("operator boss")


def test_a_page_whose_audit_row_cannot_be_written_is_shown(shared, caplog):
    token = shared.identities.add_operator("boss")
    with shared.ledger.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE audit"))
    answer = get(shared, "/", token)
    assert (answer.status_code, b"No sites yet" in answer.body) == (200, True)
    assert "operator boss" in caplog.text
    assert "could not be written down" in caplog.text
    assert token not in caplog.text
