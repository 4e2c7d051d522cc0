import pytest

from raypp.ledger.store import Ledger
from tests.reports.conftest import plant, zone
from tests.web import benches
from tests.web.benches import ExecutionSite
from tests.web.yards import safety_site

__all__ = ["bench", "plant", "yard", "zone"]


@pytest.fixture(scope="package")
def yard(tmp_path_factory):
    with safety_site(tmp_path_factory.mktemp("safety") / "ledger.db") as site:
        yield site


@pytest.fixture(scope="package")
def bench(tmp_path_factory):
    path = tmp_path_factory.mktemp("executions") / "ledger.db"
    with Ledger.open(f"sqlite:///{path}", clock=lambda: benches.NOW_US) as ledger:
        yield ExecutionSite(ledger)
