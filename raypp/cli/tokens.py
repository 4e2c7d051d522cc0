"""Tokens of sites and operators: how commands add, revoke and show them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.ledger import note, opened_ledgers
from raypp.errors import OptionError
from raypp.io.clock import now_us
from raypp.io.private import create_secret
from raypp.ledger.times import parse_duration, parse_time, shown_time
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ledger.identity import Role

Expires = Annotated[
    str | None, typer.Option(help="When the token expires: an ISO time, or a duration such as 90d (default: never).")
]
TokenOut = Annotated[
    Path | None, typer.Option("--out", help="Write the token to this new file, mode 0600 (default: standard output).")
]
TokenId = Annotated[str | None, typer.Option("--token", help="Only the token of this id (default: all of them).")]


def add_token(
    role: "Role", name: str, ledger: str | None, expires: str | None, out: Path | None, into: str | None = None
) -> None:
    """Add a token, and print it or write it to a new file; the file is gone where nothing was added.

    Args:
        role: whose it is to be.
        name: of the site or operator.
        ledger: the ledgers.
        expires: when it expires; None: never.
        out: the file; None: standard output.
        into: of several ledgers, the one that a new site is put into; None: by the site's name.
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.identity import Identities, Role, token_id_of

    expires_us = moment(expires, "--expires") if expires else None
    file = create_secret(out, "token file", OptionError) if out else None
    try:
        with opened_ledgers(ledger, create=True) as opened:
            identities = Identities(opened)
            others = identities.good(role, name)
            if role is Role.SITE:
                token = identities.add_site(name, expires_us, command_line_account(), into)
            else:
                token = identities.add_operator(name, expires_us, command_line_account())
            several = opened.only is None and role is Role.SITE
            place = f", in ledger {opened.member_of(name).name}" if several else ""
    except BaseException:
        if file is not None and out is not None:
            file.close()
            out.unlink()
        raise
    if file is None:
        typer.echo(token)
    else:
        with file:
            file.write(token + "\n")
    where = f"in {out}" if out else "shown this once"
    which = f"a further token for {name} ({others} other good)" if others else f"{role} {name}: a token"
    note(f"{which}: {token_id_of(token)}, {where}, expires {shown_time(expires_us)}{place}")


def revoke_tokens(role: "Role", name: str, ledger: str | None, token: str | None, json_file: Path | None) -> None:
    """Revoke the tokens of a name, or one of them."""
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.identity import CACHE_S, Identities, Role
    from raypp.ledger.listing import Changed

    with opened_ledgers(ledger) as opened:
        identities = Identities(opened)
        count = identities.revoke(name, role, token, command_line_account())
        moved_to = identities.moved_to(name) if role is Role.SITE else None
    them = "it" if count == 1 else "them"
    note(f"{role} {name}: revoked {counted(count, 'token')}; services refuse {them} within {CACHE_S:.0f} s")
    write_json(json_file, Changed(name=name, tokens=count))
    _note_where_moved(name, moved_to, "revoke them there, too")
    end_with_attention(bool(moved_to))


def expire_tokens(name: str, at: str, ledger: str | None, token: str | None, json_file: Path | None) -> None:
    """Set when the tokens of a site, or one of them, expire: at an ISO time, after a duration, or `never`."""
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.identity import Identities
    from raypp.ledger.listing import Changed

    at_us = None if at == "never" else moment(at, "--at")
    with opened_ledgers(ledger) as opened:
        identities = Identities(opened)
        count = identities.expire(name, at_us, token_id=token, who=command_line_account())
        moved_to = identities.moved_to(name)
    verb = "expires" if count == 1 else "expire"
    note(f"site {name}: {counted(count, 'token')} {verb} {'never' if at_us is None else shown_time(at_us)}")
    write_json(json_file, Changed(name=name, tokens=count))
    _note_where_moved(name, moved_to, "have them expire there, too")
    end_with_attention(bool(moved_to))


def _note_where_moved(site: str, moved_to: str | None, remedy: str) -> None:
    """Say so where tokens were changed in a ledger that their site has left."""
    if moved_to:
        note(f"site {site} has moved to ledger {moved_to}, where its tokens are as they were; {remedy}")


def moment(text: str, option: str) -> int:
    """Return a time, or a duration from now, in microseconds since 1970; raises OptionError."""
    if text[-1:].isalpha() and text[:-1].isdigit():
        return now_us() + parse_duration(text, option)
    return parse_time(text, option)


def token_line(token_id: str, good: bool, expires_us: int | None, revoked_us: int | None) -> str:
    """Return the line that tells of a token in a list."""
    state = "good" if good else "revoked" if revoked_us is not None else "expired"
    return f"  token {token_id}  {state}, expires {shown_time(expires_us)}"
