"""The commands of `raypp operator`: tokens that read all sites."""

from typing import Annotated

import typer

from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, opened_ledgers, say
from raypp.cli.options import JsonFile
from raypp.cli.tokens import Expires, TokenId, TokenOut, add_token, revoke_tokens, token_line

OperatorName = Annotated[str, typer.Argument(help="Name of the operator.")]


def operator_add(name: OperatorName, ledger: LedgerUrl = None, expires: Expires = None, out: TokenOut = None) -> None:
    """Print a new token of an operator, this once; it reads all sites.

    Example: raypp operator add anna --expires 90d --out anna.token --ledger sqlite:///ledger.db
    """
    from raypp.ledger.identity import Role

    add_token(Role.OPERATOR, name, ledger, expires, out)


def operator_list(ledger: LedgerUrl = None, json_file: JsonFile = None) -> None:
    """List the tokens of operators. Times are UTC.

    Example: raypp operator list --ledger sqlite:///ledger.db
    """
    from raypp.ledger.listing import list_operators

    with opened_ledgers(ledger) as opened:
        listing = list_operators(opened)
    for token in listing.tokens:
        say(token.name + token_line(token.token_id, token.good, token.expires_us, token.revoked_us))
    write_json(json_file, listing)


def operator_revoke(
    name: OperatorName, ledger: LedgerUrl = None, token: TokenId = None, json_file: JsonFile = None
) -> None:
    """Revoke the tokens of an operator; running services refuse them within seconds.

    Example: raypp operator revoke anna --ledger sqlite:///ledger.db
    """
    from raypp.ledger.identity import Role

    revoke_tokens(Role.OPERATOR, name, ledger, token, json_file)


operator = command_group("Give operators tokens, which read all sites.")
operator.command("add")(operator_add)
operator.command("list")(operator_list)
operator.command("revoke")(operator_revoke)
