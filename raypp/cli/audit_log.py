"""The `raypp audit-log` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.exit_codes import ExitCode
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, note, opened_ledger, opened_ledgers, say
from raypp.cli.options import JsonFile
from raypp.errors import OptionError
from raypp.io.clock import now_us
from raypp.ledger.times import parse_duration, parse_time, shown_time
from raypp.text.wording import counted


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

    Of several ledgers, those that answer are read; the exit status is 1 where one does not.

    Example: raypp audit-log --since 2026-11-02 --ledger sqlite:///ledger.db

    Example: raypp audit-log --archive-before 365d --out audit-2025.jsonl --delete --ledger sqlite:///ledger.db
    """
    from raypp.ledger.audit_log import entries_of
    from raypp.ledger.listing import AuditListing

    if (archive_before is None) != (out is None):
        raise OptionError("--archive-before and --out go together; give both or neither")
    if delete and out is None:
        raise OptionError("--delete goes with --archive-before and --out; nothing is deleted that was not written")
    if archive_before is not None and out is not None:
        _archive(ledger, archive_before, out, delete, json_file)
        return
    since_us = parse_time(since, "--since") if since else None
    with opened_ledgers(ledger) as opened:
        entries, failed = entries_of(opened, since_us, limit)
    for entry in entries:
        place = f"{entry.ledger}  " if entry.ledger else ""
        say(f"{place}{shown_time(entry.at_us)}  {entry.who}  {entry.action}  {entry.subject}  {entry.detail}".rstrip())
    for name, trouble in failed.items():
        note(f"the entries of {name} are missing: {trouble}")
    write_json(json_file, AuditListing(entries=entries, failed=failed))
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _archive(ledger: str | None, before: str, out: Path, remove: bool, json_file: Path | None) -> None:
    from raypp.ledger.audit_archive import archive
    from raypp.ledger.audit_log import command_line_account

    is_age = before[-1:].isalpha() and before[:-1].isdigit()
    option = "--archive-before"
    before_us = now_us() - parse_duration(before, option) if is_age else parse_time(before, option)
    with opened_ledger(ledger) as opened:
        done = archive(opened, before_us, out, remove=remove, who=command_line_account())
    kept = "deleted from the ledger" if done.deleted else "still in the ledger"
    note(f"wrote {counted(done.entries, 'entry')} of before {shown_time(before_us)} to {out}; they are {kept}")
    write_json(json_file, done)
