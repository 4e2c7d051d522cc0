"""The commands of `raypp site` on a ledger: sites, their tokens and their settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, SiteName, note, opened_ledger, opened_ledgers, say, say_all
from raypp.cli.options import JsonFile
from raypp.cli.tokens import Expires, TokenId, TokenOut, add_token, expire_tokens, revoke_tokens, token_line
from raypp.ledger.times import shown_time
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ledger.listing import SiteListing


def make_site_app() -> typer.Typer:
    """Return `raypp site`."""
    app = command_group("Register sites, give them tokens and settings.")
    app.command("add")(site_add)
    app.command("list")(site_list)
    app.command("revoke")(site_revoke)
    app.command("expire")(site_expire)
    app.command("configure")(site_configure)
    return app


def site_add(
    name: SiteName,
    ledger: LedgerUrl = None,
    into: Annotated[
        str | None,
        typer.Option(help="Of several ledgers, the one that a new site is put into (default: by the site's name)."),
    ] = None,
    expires: Expires = None,
    out: TokenOut = None,
) -> None:
    """Register a site and print its token, this once; for a site that is there, a further token.

    Example: raypp site add plant-1 --expires 365d --out plant-1.token --ledger sqlite:///ledger.db
    """
    from raypp.ledger.identity import Role

    add_token(Role.SITE, name, ledger, expires, out, into)


def site_list(ledger: LedgerUrl = None, json_file: JsonFile = None) -> None:
    """List sites with their tokens, cameras, and when each last sent. Times are UTC.

    Example: raypp site list --ledger sqlite:///ledger.db
    """
    from raypp.ledger.listing import site_listing

    with opened_ledgers(ledger) as opened:
        listing = site_listing(opened)
    if listing.sites:
        say_all(line for site in listing.sites for line in _site_lines(site))
    if not listing.sites:
        say("no sites; add one with `raypp site add`")
    write_json(json_file, listing)
    for name in listing.silent:
        note(f"ledger {name} does not answer: its sites are not listed")
    end_with_attention(bool(listing.silent))


def _site_lines(site: "SiteListing") -> Iterator[str]:
    place = f", ledger {site.ledger}" if site.ledger else ""
    yield f"{site.site}  settings version {site.settings_version}{place}"
    for token in site.tokens:
        yield token_line(token.token_id, token.good, token.expires_us, token.revoked_us)
    for stream in site.streams:
        state = "ended" if stream.ended else "silent" if stream.silent else "open"
        yield (
            f"  camera {stream.camera}@{stream.epoch}  {state}, {counted(stream.frames, 'frame')}, "
            f"last commit {shown_time(stream.active_us)}"
        )


def site_revoke(name: SiteName, ledger: LedgerUrl = None, token: TokenId = None, json_file: JsonFile = None) -> None:
    """Revoke the tokens of a site; running services refuse them within seconds. What the site sent stays.

    Example: raypp site revoke plant-1 --ledger sqlite:///ledger.db
    """
    from raypp.ledger.identity import Role

    revoke_tokens(Role.SITE, name, ledger, token, json_file)


def site_expire(
    name: SiteName,
    at: Annotated[str, typer.Option(help="An ISO time, a duration from now such as 90d, or never.")],
    ledger: LedgerUrl = None,
    token: TokenId = None,
    json_file: JsonFile = None,
) -> None:
    """Set when the tokens of a site expire.

    Example: raypp site expire plant-1 --at 2027-01-31 --ledger sqlite:///ledger.db
    """
    expire_tokens(name, at, ledger, token, json_file)


def site_configure(
    name: SiteName,
    file: Annotated[Path | None, typer.Argument(help="The site's settings, YAML (default: print them).")] = None,
    ledger: LedgerUrl = None,
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked",
            help="Take classes that no model of this ledger has, and channels no service has.",
        ),
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Give a site settings, checked first, or print those it has. Streams take them up when they next connect.

    What was aggregated before stays as it is; `raypp reaggregate` aggregates it anew.

    Example: raypp site configure plant-1 plant-1.yaml --ledger sqlite:///ledger.db
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.listing import Changed
    from raypp.usage.settings import SiteSettings

    if file is not None:
        SiteSettings.load(file)
    with opened_ledger(ledger, name, upgrade=file is not None) as opened:
        text, version = opened.site_settings(name)
        if file is None:
            typer.echo("# the default settings" if text is None else text.rstrip("\n"))
        else:
            version = opened.configure(
                name, file.read_text(encoding="utf-8"), command_line_account(), unchecked=unchecked
            )
            note(f"site {name}: settings version {version}")
            if unchecked or not opened.known_classes():
                why = "as asked" if unchecked else "no model has been served with this ledger yet"
                note(f"classes are not checked: {why}")
            if opened.present_settings(name).alerts and (unchecked or not opened.known_channels()):
                why = "as asked" if unchecked else "no service with channels has run with this ledger yet"
                note(f"channels are not checked: {why}")
            if opened.present_settings(name).equipment and not opened.weighs_evidence():
                note(
                    "evidence of equipment counts alike for all classes: the model does not tell its errors; "
                    "train and export one with this raypp"
                )
        apart = opened.frames_apart(name)
    if apart:
        came = f"{counted(apart, 'frame')} came under other settings"
        note(f"site {name}: {came}, and reports still show what those found: run `raypp reaggregate {name}`")
    write_json(json_file, Changed(name=name, settings_version=version, frames_apart=apart))
