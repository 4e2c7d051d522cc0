import hashlib
from pathlib import Path

import pytest
from sqlalchemy import select

from raypp.errors import ForbiddenError, OptionError, UnauthenticatedError, UnknownSiteError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.identity import CACHE_S, Identities, Role, token_id_of
from raypp.ledger.store import Ledger
from raypp.ledger.tables import TokenRow
from tests.ledger.site import SECOND, Clock


class Ticks:
    """Seconds that rise when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_a_token_says_whose_it_is(ledger: Ledger):
    identities = Identities(ledger)
    site, operator = identities.add_site("plant-2"), identities.add_operator("anna")
    principal = identities.check(site)
    assert (principal.role, principal.site, principal.operator) == (Role.SITE, "plant-2", None)
    assert str(principal) == f"site plant-2 (token {token_id_of(site)})"
    principal = identities.check(operator)
    assert (principal.role, principal.site, principal.operator) == (Role.OPERATOR, None, "anna")
    assert ledger.site_settings("plant-2") == (None, 0)


def test_only_a_digest_of_the_secret_is_kept(ledger: Ledger, tmp_path: Path):
    token = Identities(ledger).add_site("plant-1", who="anna")
    secret = token.split("_", 2)[2]
    with ledger.database.read() as connection:
        row = connection.execute(select(TokenRow)).one()
    assert row.secret_sha256 == hashlib.sha256(secret.encode()).digest()
    for path in tmp_path.iterdir():
        assert secret.encode() not in path.read_bytes()
    assert all(secret not in f"{entry}" for entry in AuditLog(ledger).list())
    assert secret not in repr(Identities(ledger).list())


@pytest.mark.parametrize(
    "token", [None, "", "rpp_", "Bearer x", "rpp_" + "0" * 16 + "_" + "A" * 43, "\0" * 9, "x" * 10**6]
)
def test_tokens_that_are_none(ledger: Ledger, token: str | None):
    with pytest.raises(UnauthenticatedError) as raised:
        Identities(ledger).check(token)
    assert len(str(raised.value)) < 100


def test_the_secret_must_be_right(ledger: Ledger):
    identities = Identities(ledger)
    token = identities.add_site("plant-1")
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    for _ in range(2):
        with pytest.raises(UnauthenticatedError, match="unknown, expired or revoked"):
            identities.check(wrong)
        identities.check(token)  # and then again, with the good one believed


@pytest.mark.parametrize("clock_moves_us", [0, -3600 * SECOND, 3600 * SECOND])
def test_revocation_takes_effect_within_seconds_wherever_the_clock_is_set(
    ledger: Ledger, clock: Clock, ticks: Ticks, clock_moves_us: int
):
    service, operator = Identities(ledger, ticks), Identities(ledger, ticks)
    token, other = operator.add_site("plant-1"), operator.add_site("plant-1")
    service.check(token)
    clock.now += clock_moves_us
    assert operator.revoke("plant-1", token_id=token_id_of(token)) == 1
    with pytest.raises(UnauthenticatedError):
        operator.check(token)
    ticks.now += CACHE_S
    with pytest.raises(UnauthenticatedError):
        service.check(token)
    service.check(other)
    assert operator.revoke("plant-1") == 1
    ticks.now += CACHE_S
    with pytest.raises(UnauthenticatedError):
        service.check(other)
    assert operator.revoke("plant-1") == 0


def test_tokens_expire(ledger: Ledger, clock: Clock):
    identities = Identities(ledger)
    token = identities.add_site("plant-1", clock.now + 2 * SECOND)
    identities.check(token)
    clock.now += 2 * SECOND
    with pytest.raises(UnauthenticatedError):
        identities.check(token)
    assert identities.expire("plant-1", None) == 1
    identities.check(token)
    identities.expire("plant-1", clock.now)
    with pytest.raises(UnauthenticatedError):
        identities.check(token)
    with pytest.raises(OptionError, match="expire at once"):
        identities.add_site("plant-1", clock.now)


def test_a_believed_token_is_not_looked_up(ledger: Ledger, ticks: Ticks):
    identities = Identities(ledger, ticks)
    token = identities.add_site("plant-1")
    identities.check(token)
    ledger.close()
    object.__setattr__(ledger.database, "engine", None)  # whoever looks now, fails
    identities.check(token)
    ticks.now += CACHE_S
    with pytest.raises(AttributeError):
        identities.check(token)
    object.__setattr__(ledger, "database", _Closed())


class _Closed:
    def close(self) -> None: ...


def test_rights(ledger: Ledger):
    identities = Identities(ledger)
    site = identities.check(identities.add_site("plant-1"))
    operator = identities.check(identities.add_operator("anna"))
    site.may_read("plant-1")
    site.may_write("plant-1")
    operator.may_read("plant-1")
    with pytest.raises(ForbiddenError, match="plant-1 does not read site 'plant-2'"):
        site.may_read("plant-2")
    with pytest.raises(ForbiddenError):
        site.may_write("plant-2")
    with pytest.raises(ForbiddenError, match="an operator does not write"):
        operator.may_write("plant-1")


def test_there_must_be_something_to_revoke(ledger: Ledger):
    identities = Identities(ledger)
    with pytest.raises(UnknownSiteError, match="raypp site list"):
        identities.revoke("elsewhere")
    identities.add_operator("anna")
    with pytest.raises(UnknownSiteError):
        identities.revoke("anna")  # an operator, no site
    assert identities.revoke("anna", Role.OPERATOR) == 1
    with pytest.raises(OptionError):
        identities.add_site("no spaces")


def test_a_token_of_a_ledger_that_waits_to_be_brought_up_can_be_revoked(ledger: Ledger, url: str):
    Identities(ledger).add_site("plant-1")
    with ledger.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE moves")
        connection.exec_driver_sql("UPDATE raypp_schema SET version_num = '0008'")
    with Ledger.open(url, create=False) as older:
        assert Identities(older).revoke("plant-1", Role.SITE) == 1


def test_what_was_done_is_in_the_audit_log(ledger: Ledger):
    identities = Identities(ledger)
    token = identities.add_site("plant-1", who="anna")
    identities.expire("plant-1", None, who="bea")
    identities.revoke("plant-1", who="carl")
    entries = AuditLog(ledger).list()
    assert [(entry.who, entry.action, entry.subject) for entry in entries] == [
        ("anna", "site add", "plant-1"),
        ("bea", "site expire", "plant-1"),
        ("carl", "site revoke", "plant-1"),
    ]
    assert token_id_of(token) in entries[0].detail
