"""Tokens changed where they count: in the ledger that has their site, also while it moves."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update

from raypp.errors import SiteMovingError, UnknownSiteError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.moves import hold_site
from raypp.ledger.statements import write_audit
from raypp.ledger.store import Ledger
from raypp.ledger.tables import SiteRow, TokenRow
from raypp.ledger.whereabouts import Whereabouts
from raypp.text.wording import counted

_SITE = "site"


@dataclass(frozen=True, slots=True)
class TokenChange:
    """Describe a change of tokens that are not revoked yet.

    Attributes:
        role: "site" or "operator".
        name: of the site or operator.
        token_id: only this one; None: all of them.
        values: new values by column.
        action: for the audit log.
        how: likewise.
        who: likewise.
    """

    role: str
    name: str
    token_id: str | None
    values: Mapping[str, int | None]
    action: str
    how: str
    who: str

    def make(self, ledgers: Ledgers) -> int:
        """Change them; return how many.

        A site that moves meanwhile is followed to where it is then. What a site leaves behind is changed only where one
        ledger is alone, or no other of them has the site.

        Raises:
            UnknownSiteError: if there is no such site, operator or token.
            SiteMovingError: if the site stands still in a move just now; nothing is changed.
        """
        if self.role != _SITE:
            return self._make_in(ledgers.home.ledger(), left_behind=True)
        try:
            return self._make_where_it_is(ledgers)
        except SiteMovingError:
            return self._make_where_it_is(ledgers)  # it may have arrived

    def _make_where_it_is(self, ledgers: Ledgers) -> int:
        placed = ledgers.placed(self.name)
        left_behind = ledgers.only is not None or placed.whereabouts is Whereabouts.GONE
        return self._make_in(placed.member.ledger(), left_behind=left_behind)

    def _make_in(self, ledger: Ledger, *, left_behind: bool) -> int:
        owner = TokenRow.site if self.role == _SITE else TokenRow.operator
        conditions: list[ColumnElement[bool]] = [TokenRow.role == self.role, owner == self.name]
        if self.token_id is not None:
            conditions.append(TokenRow.token_id == self.token_id)
        with ledger.database.write() as connection:
            if connection.execute(select(TokenRow.token_id).where(*conditions).limit(1)).first() is None:
                known = connection.execute(select(SiteRow.name).where(SiteRow.name == self.name)).first()
                what = f"token {self.token_id}" if known and self.token_id else "token"
                raise UnknownSiteError(
                    f"{self.role} {self.name[:100]!r} has no {what}; look at `raypp {self.role} list`"
                )
            if self.role == _SITE:
                hold_site(connection, self.name, left_behind=left_behind)
            good = update(TokenRow).where(*conditions, TokenRow.revoked_us.is_(None)).values(**self.values)
            changed = connection.execute(good).rowcount
            what = counted(changed, "token") if self.token_id is None else f"token {self.token_id}"
            write_audit(connection, ledger.clock(), self.who, self.action, self.name, f"{what} {self.how}".strip())
        return changed
