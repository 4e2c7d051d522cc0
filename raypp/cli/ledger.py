"""Commands on a ledger: `raypp site`, `raypp operator`, `raypp forget`, `raypp reaggregate`, `raypp audit-log`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.json_file import json_option, write_json
from raypp.errors import OptionError
from raypp.io.clock import now_us
from raypp.io.private import create_secret
from raypp.ledger.audit_archive import archive
from raypp.ledger.audit_log import AuditLog, command_line_account
from raypp.ledger.identity import CACHE_S, Identities, Role, token_id_of
from raypp.ledger.listing import AuditListing, Changed, list_operators, site_listing
from raypp.ledger.reaggregation import reaggregate as aggregate_anew
from raypp.ledger.retention import WAIT_S
from raypp.ledger.retention import forget as forget_rows
from raypp.ledger.store import Ledger
from raypp.ledger.times import parse_duration, parse_time, shown_time
from raypp.text.wording import counted
from raypp.usage.settings import SiteSettings

LedgerUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        envvar="RAYPP_LEDGER",
        show_envvar=False,
        help="The ledger: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME (default: RAYPP_LEDGER).",
    ),
]
JsonFile = Annotated[Path | None, json_option()]
SiteName = Annotated[str, typer.Argument(help="Name of the site.")]
OperatorName = Annotated[str, typer.Argument(help="Name of the operator.")]
Expires = Annotated[
    str | None, typer.Option(help="When the token expires: an ISO time, or a duration such as 90d (default: never).")
]
TokenOut = Annotated[
    Path | None, typer.Option("--out", help="Write the token to this new file, mode 0600 (default: standard output).")
]
TokenId = Annotated[str | None, typer.Option("--token", help="Only the token of this id (default: all of them).")]
EXIT_NOT_EMPTIED = 3
_HELP = {"help_option_names": ["-h", "--help"]}


def make_site_app() -> typer.Typer:
    """Return `raypp site`."""
    app = typer.Typer(
        help="Register sites, give them tokens and settings.",
        no_args_is_help=True,
        add_completion=False,
        context_settings=_HELP,
        pretty_exceptions_enable=False,
    )
    app.command("add")(site_add)
    app.command("list")(site_list)
    app.command("revoke")(site_revoke)
    app.command("expire")(site_expire)
    app.command("configure")(site_configure)
    return app


def make_operator_app() -> typer.Typer:
    """Return `raypp operator`."""
    app = typer.Typer(
        help="Give operators tokens, which read all sites.",
        no_args_is_help=True,
        add_completion=False,
        context_settings=_HELP,
        pretty_exceptions_enable=False,
    )
    app.command("add")(operator_add)
    app.command("list")(operator_list)
    app.command("revoke")(operator_revoke)
    return app


def site_add(name: SiteName, ledger: LedgerUrl = None, expires: Expires = None, out: TokenOut = None) -> None:
    """Register a site and print its token, this once; for a site that is there, a further token.

    Example: raypp site add plant-1 --expires 365d --out plant-1.token --ledger sqlite:///ledger.db
    """
    _add(Role.SITE, name, ledger, expires, out)


def operator_add(name: OperatorName, ledger: LedgerUrl = None, expires: Expires = None, out: TokenOut = None) -> None:
    """Print a new token of an operator, this once; it reads all sites.

    Example: raypp operator add anna --expires 90d --out anna.token --ledger sqlite:///ledger.db
    """
    _add(Role.OPERATOR, name, ledger, expires, out)


def site_list(ledger: LedgerUrl = None, json_file: JsonFile = None) -> None:
    """List sites with their tokens, cameras, and when each last sent. Times are UTC.

    Example: raypp site list --ledger sqlite:///ledger.db
    """
    with _opened(ledger) as opened:
        found = site_listing(opened)
    for site in found.sites:
        _say(f"{site.site}  settings version {site.settings_version}")
        for token in site.tokens:
            _say(_token_line(token.token_id, token.good, token.expires_us, token.revoked_us))
        for stream in site.streams:
            state = "ended" if stream.ended else "silent" if stream.silent else "open"
            _say(
                f"  camera {stream.camera}@{stream.epoch}  {state}, {counted(stream.frames, 'frame')}, "
                f"last commit {shown_time(stream.active_us)}"
            )
    if not found.sites:
        _say("no sites; add one with `raypp site add`")
    write_json(json_file, found)


def operator_list(ledger: LedgerUrl = None, json_file: JsonFile = None) -> None:
    """List the tokens of operators. Times are UTC.

    Example: raypp operator list --ledger sqlite:///ledger.db
    """
    with _opened(ledger) as opened:
        found = list_operators(opened)
    for token in found.tokens:
        _say(token.name + _token_line(token.token_id, token.good, token.expires_us, token.revoked_us))
    write_json(json_file, found)


def site_revoke(name: SiteName, ledger: LedgerUrl = None, token: TokenId = None, json_file: JsonFile = None) -> None:
    """Revoke the tokens of a site; running services refuse them within seconds. What the site sent stays.

    Example: raypp site revoke plant-1 --ledger sqlite:///ledger.db
    """
    _revoke(Role.SITE, name, ledger, token, json_file)


def operator_revoke(
    name: OperatorName, ledger: LedgerUrl = None, token: TokenId = None, json_file: JsonFile = None
) -> None:
    """Revoke the tokens of an operator; running services refuse them within seconds.

    Example: raypp operator revoke anna --ledger sqlite:///ledger.db
    """
    _revoke(Role.OPERATOR, name, ledger, token, json_file)


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
    at_us = None if at == "never" else _moment(at, "--at")
    with _opened(ledger) as opened:
        count = Identities(opened).expire(name, at_us, token_id=token, who=command_line_account())
    verb = "expires" if count == 1 else "expire"
    _note(f"site {name}: {counted(count, 'token')} {verb} {'never' if at_us is None else shown_time(at_us)}")
    write_json(json_file, Changed(name=name, tokens=count))


def site_configure(
    name: SiteName,
    file: Annotated[Path | None, typer.Argument(help="The site's settings, YAML (default: print them).")] = None,
    ledger: LedgerUrl = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Take classes that no model of this ledger has, for one served later.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Give a site settings, checked first, or print those it has. Streams take them up when they next connect.

    What was aggregated before stays as it is; `raypp reaggregate` aggregates it anew.

    Example: raypp site configure plant-1 plant-1.yaml --ledger sqlite:///ledger.db
    """
    if file is not None:
        SiteSettings.load(file)
    with _opened(ledger) as opened:
        text, version = opened.site_settings(name)
        if file is None:
            typer.echo("# the default settings" if text is None else text.rstrip("\n"))
        else:
            version = opened.configure(
                name, file.read_text(encoding="utf-8"), command_line_account(), unchecked=unchecked
            )
            _note(f"site {name}: settings version {version}")
            if unchecked or not opened.known_classes():
                why = "as asked" if unchecked else "no model has been served with this ledger yet"
                _note(f"classes are not checked: {why}")
        apart = opened.frames_apart(name)
    if apart:
        came = f"{counted(apart, 'frame')} came under other settings"
        _note(f"site {name}: {came}, and reports still show what those found: run `raypp reaggregate {name}`")
    write_json(json_file, Changed(name=name, settings_version=version, frames_apart=apart))


def forget(
    site: SiteName,
    ledger: LedgerUrl = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    from_time: Annotated[str | None, typer.Option("--from", help="From this time on; ISO, UTC without offset.")] = None,
    to_time: Annotated[str | None, typer.Option("--to", help="Up to this time, exclusive.")] = None,
    older_than: Annotated[str | None, typer.Option(help="All that is older than this, such as 30d.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All times: the whole camera, or the whole site.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be deleted, and delete nothing.")
    ] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for readers that keep what was deleted in SQLite's log.", min=0)
    ] = WAIT_S,
    json_file: JsonFile = None,
) -> None:
    """Delete frames, detections, episodes and stretches of a site for good; its streams go on where they are.

    The exit status is 3 where the deleted bytes are still in SQLite's log, since somebody reads all the time.

    Example: raypp forget plant-1 --older-than 30d --dry-run --ledger sqlite:///ledger.db

    Example: raypp forget plant-1 --camera gate --all --ledger sqlite:///ledger.db
    """
    if older_than and to_time:
        raise OptionError("--older-than and --to exclude each other; give one")
    from_us = parse_time(from_time, "--from") if from_time else None
    to_us = parse_time(to_time, "--to") if to_time else None
    if older_than:
        to_us = now_us() - parse_duration(older_than, "--older-than")
    if (from_us is None and to_us is None) != everything:
        raise OptionError("say what to forget: --from, --to or --older-than; or --all, and none of these")
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise OptionError(f"--from {from_time} is not before the end of the range; give an earlier time")
    with _opened(ledger) as opened:
        done = forget_rows(
            opened,
            site,
            camera=camera,
            from_us=from_us,
            to_us=to_us,
            dry_run=dry_run,
            wait_s=wait,
            who=command_line_account(),
        )
    _note(
        f"{'would forget' if dry_run else 'forgot'} {counted(done.frames, 'frame')} with "
        f"{counted(done.detections, 'detection')}, {counted(done.episodes, 'episode')} and "
        f"{counted(done.stretches, 'stretch')} of {counted(done.streams, 'stream')}"
    )
    write_json(json_file, done)
    if not done.emptied:
        _note(
            f"the deleted bytes are still in the ledger's log, which somebody has read for all of {wait:g} s: stop the "
            "reader (a backup, a shell, a long report), and run the same command again"
        )
        raise typer.Exit(EXIT_NOT_EMPTIED)


def reaggregate(
    site: SiteName,
    ledger: LedgerUrl = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="With --dry-run: what these settings would change (default: the site's own).")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also streams that have these settings already, such as after an update.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Aggregate a site's kept detections anew with its present settings; run again to finish what was stopped.

    Example: raypp reaggregate plant-1 --settings new.yaml --dry-run --ledger sqlite:///ledger.db

    Example: raypp reaggregate plant-1 --ledger sqlite:///ledger.db
    """
    if settings is not None and not dry_run:
        raise OptionError("--settings goes with --dry-run; give the site its settings with `raypp site configure`")
    chosen = SiteSettings.load(settings) if settings else None
    with _opened(ledger) as opened:
        done = aggregate_anew(
            opened, site, chosen, camera=camera, again=again, dry_run=dry_run, who=command_line_account()
        )
    for row in done.tools:
        _say(
            f"{row.camera}@{row.epoch}  {row.tool}: {row.episodes_before} -> {counted(row.episodes_after, 'episode')}, "
            f"{row.seen_before_s:.1f} -> {row.seen_after_s:.1f} s seen"
        )
    _note(
        f"{'would change' if dry_run else 'changed'} {done.changed} of {counted(done.streams, 'stream')} "
        f"({counted(done.frames, 'frame')}); {done.already} had these settings already"
    )
    write_json(json_file, done)


def audit_log(
    ledger: LedgerUrl = None,
    since: Annotated[str | None, typer.Option(help="From this time on; ISO, UTC without offset.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many: the latest, or with --since the first.", min=1)] = 100,
    archive_before: Annotated[
        str | None, typer.Option(help="Write the entries of before this time to --out instead; ISO, or 365d ago.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new file for them, one JSON object a line, mode 0600.")] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Then delete them from the ledger, which is recorded.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Print who read and changed what, oldest first. Times are UTC.

    Example: raypp audit-log --since 2026-11-02 --ledger sqlite:///ledger.db

    Example: raypp audit-log --archive-before 365d --out audit-2025.jsonl --delete --ledger sqlite:///ledger.db
    """
    if (archive_before is None) != (out is None):
        raise OptionError("--archive-before and --out go together; give both or neither")
    if delete and out is None:
        raise OptionError("--delete goes with --archive-before and --out; nothing is deleted that was not written")
    if archive_before is not None and out is not None:
        _archive(ledger, archive_before, out, delete, json_file)
        return
    since_us = parse_time(since, "--since") if since else None
    with _opened(ledger) as opened:
        log = AuditLog(opened)
        entries = log.latest(limit) if since_us is None else log.list(since_us=since_us, limit=limit)
    for entry in entries:
        _say(f"{shown_time(entry.at_us)}  {entry.who}  {entry.action}  {entry.subject}  {entry.detail}".rstrip())
    write_json(json_file, AuditListing(entries=entries))


def _archive(ledger: str | None, before: str, out: Path, remove: bool, json_file: Path | None) -> None:
    is_age = before[-1:].isalpha() and before[:-1].isdigit()
    option = "--archive-before"
    before_us = now_us() - parse_duration(before, option) if is_age else parse_time(before, option)
    with _opened(ledger) as opened:
        done = archive(opened, before_us, out, remove=remove, who=command_line_account())
    kept = "deleted from the ledger" if done.deleted else "still in the ledger"
    _note(f"wrote {counted(done.entries, 'entry')} of before {shown_time(before_us)} to {out}; they are {kept}")
    write_json(json_file, done)


def _add(role: Role, name: str, ledger: str | None, expires: str | None, out: Path | None) -> None:
    expires_us = _moment(expires, "--expires") if expires else None
    file = create_secret(out, "token file", OptionError) if out else None
    try:
        with _opened(ledger, create=True) as opened:
            identities = Identities(opened)
            others = identities.good(role, name)
            add = identities.add_site if role is Role.SITE else identities.add_operator
            token = add(name, expires_us, command_line_account())
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
    _note(f"{which}: {token_id_of(token)}, {where}, expires {shown_time(expires_us)}")


def _revoke(role: Role, name: str, ledger: str | None, token: str | None, json_file: Path | None) -> None:
    with _opened(ledger) as opened:
        count = Identities(opened).revoke(name, role, token, command_line_account())
    them = "it" if count == 1 else "them"
    _note(f"{role} {name}: revoked {counted(count, 'token')}; services refuse {them} within {CACHE_S:.0f} s")
    write_json(json_file, Changed(name=name, tokens=count))


def _opened(url: str | None, *, create: bool = False) -> Ledger:
    if not url:
        raise OptionError("no ledger named; give --ledger, or set RAYPP_LEDGER, such as sqlite:///ledger.db")
    return Ledger.open(url, create=create)


def _moment(text: str, option: str) -> int:
    """A time, or a duration from now."""
    if text[-1:].isalpha() and text[:-1].isdigit():
        return now_us() + parse_duration(text, option)
    return parse_time(text, option)


def _token_line(token_id: str, good: bool, expires_us: int | None, revoked_us: int | None) -> str:
    state = "good" if good else "revoked" if revoked_us is not None else "expired"
    return f"  token {token_id}  {state}, expires {shown_time(expires_us)}"


def _say(line: str) -> None:
    Console(soft_wrap=True).print(line, highlight=False, markup=False)


def _note(line: str) -> None:
    Console(file=sys.stderr, soft_wrap=True).print(line, highlight=False, markup=False)
