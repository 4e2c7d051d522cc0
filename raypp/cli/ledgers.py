"""The commands of `raypp ledger`: one made, checked, backed up, brought to a new schema, cleared; a site moved."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.console import ConsoleProgress
from raypp.cli.exit_codes import ExitCode, end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.ledger import (
    LedgerArgument,
    LedgerUrl,
    PurgeWait,
    SiteName,
    note,
    opened_ledger,
    opened_ledgers,
    say,
    say_all,
)
from raypp.cli.options import JsonFile
from raypp.cli.partitions import ledger_partition, ledger_retain
from raypp.errors import OptionError
from raypp.ledger.defaults import WAIT_S
from raypp.ledger.times import parse_time, shown_time
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.ledger.migration import Migrated


def ledger_check(
    ledger: LedgerArgument = None,
    site: Annotated[str | None, typer.Option(help="Only the streams of this site.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only streams that have committed since; ISO, UTC without offset.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Check a ledger while it is in use: frames are whole, and what is stored is what they fold to. Changes nothing.

    Prints one line for each problem, and ends with 1 where there is any.

    Example: raypp ledger check sqlite:///ledger.db

    Example: raypp ledger check sqlite:///ledger.db --site plant-1 --since 2026-11-02
    """
    from raypp.ledger.check.ledger import check_ledger
    from raypp.ledger.check.ledgers import check_ledgers

    since_us = parse_time(since, "--since") if since else None
    with opened_ledgers(ledger) as opened:
        progress = ConsoleProgress()
        if site is None and opened.only is None:
            done = check_ledgers(opened, since_us, progress)
        else:
            done = check_ledger(opened.home.ledger() if site is None else opened.of(site), site, since_us, progress)
    for row in done.cameras:
        people = f", {counted(row.violations, 'violation')}" if row.violations or row.exposures else ""
        say(
            f"{row.site}  {row.camera}  {counted(row.streams, 'stream')}, {counted(row.frames, 'frame')}, "
            f"{counted(row.detections, 'detection')}, {counted(row.episodes, 'episode')}{people}: "
            f"{counted(row.problems, 'problem') if row.problems else 'good'}"
        )
    for problem in done.problems:
        say(f"  {problem}")
    write_json(json_file, done)
    if done.problems:
        note(f"{counted(len(done.problems), 'problem')} found")
        raise typer.Exit(ExitCode.FAILED)
    note("checked: nothing missing, nothing twice, and all that is stored is what the frames fold to")


def ledger_backup(
    ledger: Annotated[str, typer.Argument(help="The ledger: sqlite:///PATH.")],
    out: Annotated[Path, typer.Argument(help="A new file for the copy, mode 0600.")],
    json_file: JsonFile = None,
) -> None:
    """Copy a SQLite ledger while it is in use, and check the copy's file; it appears whole or not at all.

    Example: raypp ledger backup sqlite:///ledger.db ledger-2026-11-29.db
    """
    from raypp.ledger.backup import back_up

    with opened_ledger(ledger) as opened:
        done = back_up(opened, out, ConsoleProgress())
    note(f"copied {done.bytes / 1e6:.1f} MB to {out}, as of {shown_time(done.taken_us)}")
    write_json(json_file, done)


def ledger_migrate(
    ledger: LedgerArgument = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Migrate a copy, compare and check it, and change nothing.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Folder for that copy while it is needed (default: beside the ledger).")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Bring a ledger to this raypp's schema, all of it or nothing. The service does so by itself when it starts.

    Of several ledgers, each is migrated, also where another one cannot be: the exit status is then 1.

    --rehearse says how long it takes, and whether all rows are there afterwards: it ends with 1 if not, and with 3
    if `raypp ledger check` finds anything in the copy. The ledger may be in use meanwhile.

    Example: raypp ledger migrate sqlite:///ledger.db --rehearse

    Example: raypp ledger migrate sqlite:///ledger.db
    """
    from raypp.ledger.migration import rehearse as rehearse_on_copy

    if not rehearse:
        _migrate(ledger, json_file)
        return
    with opened_ledger(ledger) as opened:
        done = rehearse_on_copy(opened, folder, ConsoleProgress())
    say(f"copied    {done.bytes_before / 1e6:.1f} MB in {done.copied_s:.1f} s")
    say(f"migrated  schema {done.from_schema} to {done.to_schema} in {done.migrated_s:.1f} s")
    say(f"compared  {done.rows['frames']:,} frames, {done.rows.get('episodes', 0):,} episodes, all other rows by table")
    say(f"checked   in {done.checked_s:.1f} s")
    for line in (*(f"LOST: {line}" for line in done.lost), *done.problems):
        say(f"  {line}")
    write_json(json_file, done)
    if done.lost:
        note("rows are missing after the migration: do not migrate, and report this")
        raise typer.Exit(ExitCode.FAILED)
    note("rehearsed: nothing is lost, and the ledger is as it was")
    end_with_attention(bool(done.problems))


def _migrate(ledger: str | None, json_file: Path | None) -> None:
    from raypp.ledger.ledger_list import LedgerList
    from raypp.ledger.migration import migrate, migrate_all

    if not ledger:
        raise OptionError("no ledger named; give one, or set RAYPP_LEDGER, such as sqlite:///ledger.db")
    named = LedgerList.parse(ledger)
    if len(named.urls) == 1:
        done = migrate(*named.urls.values())
        _note_migrated(done)
        write_json(json_file, done)
        return
    all_done = migrate_all(named)
    for each in all_done.ledgers.values():
        _note_migrated(each)
    for name, trouble in all_done.failed.items():
        note(f"{name} could not be migrated: {trouble}")
    write_json(json_file, all_done)
    if all_done.failed:
        raise typer.Exit(ExitCode.FAILED)


def _note_migrated(done: "Migrated") -> None:
    if done.from_schema == done.to_schema:
        note(f"{done.ledger} has schema {done.to_schema} already")
    else:
        note(f"{done.ledger} migrated from schema {done.from_schema} to {done.to_schema} in {done.migrated_s:.1f} s")


def ledger_init(ledger: Annotated[str, typer.Argument(help="The ledger: sqlite:///PATH, or PostgreSQL's.")]) -> None:
    """Make an empty ledger, also where one was used before that is gone for good.

    Services and `raypp site add` make one where none was. They make none where one was used before: its disk may be
    away, or its database about to be restored. One that is there stays as it is, but for its schema.

    Example: raypp ledger init sqlite:///ledger.db
    """
    from raypp.ledger.known_ledgers import KnownLedgers

    if "://" not in ledger:
        raise OptionError(f"ledger {ledger!r} is no URL; name one ledger, such as sqlite:///ledger.db")
    KnownLedgers.of_account().forget(ledger)
    with opened_ledger(ledger, create=True) as opened:
        sites = len(opened.sites())
        note(f"{opened.database.shown} is there, with {counted(sites, 'site')}")


def ledger_move(
    site: SiteName,
    to: Annotated[
        str,
        typer.Option(help="The ledger that is to have the site: a name of `ledgers`, or a URL, made where none is."),
    ],
    from_ledger: LedgerUrl = None,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Leave a site that is not moved whole yet where it was.")
    ] = False,
    wait: PurgeWait = WAIT_S,
    json_file: JsonFile = None,
) -> None:
    """Move a site to another ledger while it streams: frames, episodes, alerts, settings, tokens. Nothing is lost.

    Streams wait while the last of it is copied, and are refused in the old ledger from then on. A move that was
    killed goes on when the same command runs again.

    Example: raypp ledger move plant-1 --ledger sqlite:///ledger.db --to postgresql+psycopg://raypp@db.example/ledger

    Example: raypp ledger move plant-1 --ledger serve.yaml --to south
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.ledger_map import source_of_move
    from raypp.ledger.site_move import SiteMove

    with ExitStack() as stack:
        opened = stack.enter_context(opened_ledgers(from_ledger, upgrade=True))
        elsewhere = stack.enter_context(opened_ledger(to, create=True)) if "://" in to else None
        target = elsewhere or opened.named(to).ledger()
        move = SiteMove(source_of_move(opened, site, target), target, site, command_line_account())
        done = move.cancel() if cancel else move.run(ConsoleProgress(), wait)
    write_json(json_file, done)
    if cancel:
        note(f"site {site} stays in {done.source}; its streams go on")
        return
    note(
        f"site {site} is in {done.target}: {counted(done.chunks, 'chunk')} copied while it streamed, "
        f"streams waited for {done.waited_s:.1f} s"
    )
    if not done.emptied:
        note("the deleted bytes are still in the old ledger's log, which somebody reads; run the same command again")
    end_with_attention(not done.emptied)


def show_map(ledger: LedgerArgument = None, json_file: JsonFile = None) -> None:
    """Show which site is in which ledger, and how many sites and bytes each ledger has.

    The exit status is 3 where a ledger does not answer, or two ledgers have a site.

    Example: raypp ledger map serve.yaml
    """
    from raypp.ledger.ledger_map import ledger_map

    with opened_ledgers(ledger) as opened:
        shown = ledger_map(opened)
    for use in shown.ledgers:
        if use.sites is None or use.bytes is None:
            say(f"{use.name}  does not answer")
        else:
            say(f"{use.name}  {use.ledger}  {counted(use.sites, 'site')}, {use.bytes / 1e6:,.1f} MB")
    if shown.sites:
        say_all(
            f"  {place.site}  {place.ledger}" + (f", being moved to {place.moves_to}" if place.moves_to else "")
            for place in shown.sites
        )
    for name in shown.twice:
        say(f"TWICE: site {name} is in two ledgers, and is served from neither")
    write_json(json_file, shown)
    end_with_attention(bool(shown.twice) or any(use.sites is None for use in shown.ledgers))


ledger = command_group(
    "Make ledgers, check them, back them up, bring them to a new schema, drop what is old, show where sites are, and "
    "move them."
)
ledger.command("init")(ledger_init)
ledger.command("check")(ledger_check)
ledger.command("backup")(ledger_backup)
ledger.command("migrate")(ledger_migrate)
ledger.command("map")(show_map)
ledger.command("move")(ledger_move)
ledger.command("retain")(ledger_retain)
ledger.command("partition")(ledger_partition)
