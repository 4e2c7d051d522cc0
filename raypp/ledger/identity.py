"""Who calls: tokens of sites and operators. Of a token the ledger keeps its id and the SHA-256 of its secret alone."""

import hmac
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Row, insert, select

from raypp.errors import (
    ForbiddenError,
    LedgerUnavailableError,
    OptionError,
    UnauthenticatedError,
    UnknownSiteError,
)
from raypp.ledger import sites
from raypp.ledger.ledgers import FoundIn, Ledgers
from raypp.ledger.member import Member
from raypp.ledger.moves import gone_to, hold_site
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import TokenRow
from raypp.ledger.times import shown_time
from raypp.ledger.token_change import TokenChange
from raypp.ledger.token_text import TokenText
from raypp.ledger.types import COMMAND_LINE, checked_name
from raypp.ledger.whereabouts import Whereabouts, sites_away, whereabouts

CACHE_S = 5.0
"""For so long a token is believed without looking it up: revocation takes effect within this, whatever clocks do."""
_MOST_CACHED = 4096


class Role(StrEnum):
    """The rights of a principal: a site reads and writes itself; an operator reads all sites."""

    SITE = "site"
    OPERATOR = "operator"


_ROLES = {str(role): role for role in Role}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a call.

    Attributes:
        role: its role.
        site: of a site's token, the site; else None.
        operator: of an operator's token, the operator's name; else None.
        token_id: public id of the token.
    """

    role: Role
    site: str | None
    operator: str | None
    token_id: str

    def __str__(self) -> str:
        return f"{self.owner} (token {self.token_id})"

    @property
    def owner(self) -> str:
        """Its role and name, which all its tokens share."""
        return f"{self.role} {self.site or self.operator}"

    def may_read(self, site: str) -> None:
        """Raise ForbiddenError unless this principal may read a site."""
        if self.role is not Role.OPERATOR and self.site != site:
            raise ForbiddenError(f"the token of site {self.site} does not read site {site[:100]!r}; use an operator's")

    def may_write(self, site: str) -> None:
        """Raise ForbiddenError unless this principal may stream for a site."""
        if self.role is not Role.SITE or self.site != site:
            owner = f"site {self.site}" if self.site else "an operator"
            raise ForbiddenError(f"the token of {owner} does not write to site {site[:100]!r}; use that site's own")


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """A token, without its secret. Times are processing time, in microseconds since 1970; None: never, or not yet."""

    token_id: str
    role: Role
    site: str | None
    operator: str | None
    created_us: int
    expires_us: int | None
    revoked_us: int | None


@dataclass(frozen=True, slots=True)
class _Believed:
    """A token found good.

    Attributes:
        digest: of its secret.
        principal: whose it is.
        until_s: until when that may be believed, on a clock that nobody sets.
        expires_us: processing time at which it expires; None: never.
    """

    digest: bytes = field(repr=False)
    principal: Principal
    until_s: float
    expires_us: int | None

    def is_good(self, now_us: int) -> bool:
        """Whether it has not expired yet."""
        return self.expires_us is None or self.expires_us > now_us


class Identities:
    """Tokens of a ledger, or of several. Safe to use from several threads.

    Of several, a site's tokens count in the ledger that has the site, and operators' tokens in the first one.

    Args:
        ledger: the ledger, or all of them.
        monotonic: gives seconds that only ever rise, by which a believed token is looked up again.
    """

    def __init__(self, ledger: Ledger | Ledgers, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ledgers = Ledgers.around(ledger)
        self._monotonic = monotonic
        self._believed: dict[str, _Believed] = {}
        self._lock = threading.Lock()

    def add_site(
        self, name: str, expires_us: int | None = None, who: str = COMMAND_LINE, into: str | None = None
    ) -> str:
        """Register a site and return a token for it, shown this once; for a site that is there, a further one.

        Args:
            name: the site.
            expires_us: when the token expires; None: never.
            who: for the audit log.
            into: of several ledgers, the one that a new site is put into; None: see `Ledgers.place`.

        Raises:
            OptionError: for a malformed name, an expiry that is past, or a site that is in another ledger than `into`.
        """
        return self._add(self._ledgers.place(name, into), Role.SITE, name, expires_us, who)

    def add_operator(self, name: str, expires_us: int | None = None, who: str = COMMAND_LINE) -> str:
        """Return a new token of an operator, which is shown this once; raises OptionError as `add_site`."""
        return self._add(self._ledgers.home.ledger(), Role.OPERATOR, name, expires_us, who)

    def list(self) -> tuple[TokenStatus, ...]:
        """All tokens, by ledger, role, name and time."""
        return tuple(token for member in self._ledgers.members.values() for token in self.list_in(member))

    def list_in(self, member: Member) -> Iterator[TokenStatus]:
        """Give the tokens that count in one of the ledgers, by role, name and time."""
        columns = (
            TokenRow.token_id,
            TokenRow.role,
            TokenRow.site,
            TokenRow.operator,
            TokenRow.created_us,
            TokenRow.expires_us,
            TokenRow.revoked_us,
        )
        order = (TokenRow.role, TokenRow.site, TokenRow.operator, TokenRow.created_us, TokenRow.token_id)
        with member.ledger().database.read() as connection:
            rows = connection.execute(select(*columns).order_by(*order)).all()
            away = sites_away(connection) if self._ledgers.only is None else frozenset()
        for row in rows:
            if member.is_home if row.site is None else row.site not in away:
                yield TokenStatus(row.token_id, _ROLES[row.role], *row[2:])

    def good(self, role: Role, name: str) -> int:
        """Count the tokens of a site or operator that are neither revoked nor expired."""
        now = self._ledgers.clock()
        try:
            member = self._ledgers.home if role is Role.OPERATOR else self._ledgers.member_of(name)
        except UnknownSiteError:
            return 0
        return sum(
            token.role is role
            and name in {token.site, token.operator}
            and token.revoked_us is None
            and (token.expires_us is None or token.expires_us > now)
            for token in self.list_in(member)
        )

    def revoke(self, name: str, role: Role = Role.SITE, token_id: str | None = None, who: str = COMMAND_LINE) -> int:
        """Revoke the tokens of a site or operator, or one of them; return how many were good until now.

        Raises:
            UnknownSiteError: if there is no such site, operator or token.
            SiteMovingError: if the site stands still in a move just now; nothing is revoked.
        """
        now = self._ledgers.clock()
        return self._change(TokenChange(role, name, token_id, {"revoked_us": now}, f"{role} revoke", "", who))

    def moved_to(self, site: str) -> str | None:
        """Return the URL of the ledger that a site has moved to, where none of these has it any more; else None."""
        with self._ledgers.of(site).database.read() as connection:
            return gone_to(connection, site)

    def expire(
        self, name: str, at_us: int | None, role: Role = Role.SITE, token_id: str | None = None, who: str = COMMAND_LINE
    ) -> int:
        """Set when the tokens of a site or operator, or one of them, expire (None: never); return how many.

        Raises:
            UnknownSiteError: if there is no such site, operator or token.
            SiteMovingError: if the site stands still in a move just now; nothing is changed.
        """
        values = {"expires_us": at_us}
        return self._change(TokenChange(role, name, token_id, values, f"{role} expire", f"at {at_us}", who))

    def believed(self, token: str | None) -> Principal | None:
        """Return whose token this is if it was looked up within the last seconds; else None. Waits for nothing."""
        sent = TokenText.read(token)
        believed = None if sent is None else self._kept(sent.token_id)
        return believed.principal if sent and believed and self._is_good(sent, believed) else None

    def check(self, token: str | None) -> Principal:
        """Return whose token this is.

        Raises:
            UnauthenticatedError: if it is missing, malformed, unknown, expired or revoked; its text says no more.
            LedgerUnavailableError: if it cannot be looked up just now.
        """
        sent = TokenText.read(token)
        if sent is None:
            raise UnauthenticatedError("no token, or a malformed one; send the token of `raypp site add`")
        believed = self._kept(sent.token_id) or self._look_up(sent.token_id)
        if not self._is_good(sent, believed):
            raise UnauthenticatedError("the token is unknown, expired or revoked; ask the operator for a new one")
        return believed.principal

    def _kept(self, token_id: str) -> _Believed | None:
        with self._lock:
            believed = self._believed.get(token_id)
        return None if believed is None or believed.until_s <= self._monotonic() else believed

    def _is_good(self, sent: TokenText, believed: _Believed) -> bool:
        return hmac.compare_digest(believed.digest, sent.digest) and believed.is_good(self._ledgers.clock())

    def _look_up(self, token_id: str) -> _Believed:
        until_s = self._monotonic() + CACHE_S  # from before the look: what is revoked behind it is believed no longer
        placed = self._ledgers.find(token_id, partial(_token_in, token_id, self._ledgers.only is None))
        row = None if placed is None else placed.value
        if row is None or row.revoked_us is not None or not self._counts_in(placed, row):
            with self._lock:
                self._believed.pop(token_id, None)
            return _NOBODY
        principal = Principal(Role(row.role), row.site, row.operator, token_id)
        believed = _Believed(row.secret_sha256, principal, until_s, row.expires_us)
        with self._lock:
            if len(self._believed) >= _MOST_CACHED:
                self._believed.clear()
            self._believed[token_id] = believed
        return believed

    def _counts_in(self, placed: FoundIn[Any] | None, row: Row[Any]) -> bool:
        """Whether a token counts where it was: an operator's at home, of no site, and a site's where the site is.

        Raises:
            LedgerUnavailableError: if its site is on its way, or its ledger cannot be asked.
            LedgerError: if two ledgers have its site.
        """
        if (row.role == Role.SITE) != (row.site is not None):
            return False
        if self._ledgers.only is not None or row.site is None or placed is None:
            return True
        member = self._ledgers.member_of(row.site, anew=True)
        if member is not placed.member:
            raise LedgerUnavailableError(f"site {row.site} is being moved; try again")
        return True

    @staticmethod
    def _add(ledger: Ledger, role: Role, name: str, expires_us: int | None, who: str) -> str:
        checked_name(name, str(role))
        now = ledger.clock()
        if expires_us is not None and expires_us <= now:
            raise OptionError(f"the token of {role} {name} would expire at once; give a later time")
        token = TokenText.new()
        row = {
            "token_id": token.token_id,
            "role": str(role),
            "site": name if role is Role.SITE else None,
            "operator": name if role is Role.OPERATOR else None,
            "secret_sha256": token.digest,
            "created_us": now,
            "expires_us": expires_us,
        }
        with ledger.database.write() as connection:
            if role is Role.SITE:
                sites.add_site(connection, name, now)
                hold_site(connection, name)
            connection.execute(insert(TokenRow), [row])
            detail = f"token {token.token_id}, expires {shown_time(expires_us)}"
            write_audit(connection, now, who, f"{role} add", name, detail)
        return token.text

    def _change(self, change: TokenChange) -> int:
        changed = change.make(self._ledgers)
        with self._lock:
            self._believed.clear()
        return changed


def token_id_of(token: str) -> str:
    """The public id of a token."""
    return token.split("_", 2)[1]


def _token_in(token_id: str, several: bool, member: Member) -> FoundIn[Row[Any] | None]:
    """Look for a token in a ledger; of several, an operator's counts at home alone, and a site's where the site is."""
    with member.ledger().database.read() as connection:
        row = connection.execute(select(TokenRow.__table__).where(TokenRow.token_id == token_id)).one_or_none()
        if row is None or (row.site is None and not member.is_home):
            return FoundIn(member, Whereabouts.UNKNOWN, None)
        of_site = several and row.site is not None
        return FoundIn(member, whereabouts(connection, row.site) if of_site else Whereabouts.HERE, row)


_NOBODY = _Believed(TokenText("", "").digest, Principal(Role.SITE, None, None, ""), 0.0, 0)
"""An unknown token is compared with this, so that it takes as long."""
