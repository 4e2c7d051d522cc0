"""The commands of `raypp ledger` that drop weeks, and give weeks partitions."""

from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress
from raypp.cli.exit_codes import ExitCode, end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerArgument, note, opened_ledgers, say
from raypp.cli.options import JsonFile
from raypp.errors import OptionError
from raypp.ledger.defaults import WAIT_S
from raypp.ledger.times import parse_duration, shown_time
from raypp.text.wording import counted

_STILL_IN_LOG = (
    "the deleted bytes are still in the ledger's log, which somebody reads: stop the reader (a backup, a shell, a long "
    "report), and run the same command again"
)


def ledger_retain(
    ledger: LedgerArgument = None,
    keep: Annotated[str, typer.Option(help="How long to keep, such as 400d; 1d at least, and up to a week more.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be forgotten, and change nothing.")
    ] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for those who use a partition, or read SQLite's log.", min=0)
    ] = WAIT_S,
    json_file: JsonFile = None,
) -> None:
    """Forget all that is older, of all sites: PostgreSQL drops whole weeks, from Monday in UTC; SQLite deletes rows.

    Streams go on meanwhile. A command that was killed goes on when the same command runs again. The exit status is
    3 where something is left: of a site that is being moved, or in SQLite's log. Of several ledgers, one that is busy
    or down keeps no other from it: the exit status is then 1.

    Example: raypp ledger retain sqlite:///ledger.db --keep 400d --dry-run

    Example: raypp ledger retain postgresql+psycopg://raypp@db.example/ledger --keep 400d
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.expiry import Retention, retain

    if not keep:
        raise OptionError("say how long to keep: --keep 400d, for example")
    keep_us = parse_duration(keep, "--keep")
    with opened_ledgers(ledger, upgrade=not dry_run) as opened:
        who, progress = command_line_account(), ConsoleProgress()
        done, failed = opened.each(
            lambda each: retain(each, keep_us, dry_run=dry_run, wait_s=wait, who=who, progress=progress)
        )
    for kept in done.values():
        for part in kept.partitions:
            say(f"{'would drop' if dry_run else 'dropped'}  {part.name}  {part.days}  {part.bytes / 1e6:,.1f} MB")
        note(
            f"{kept.ledger}: {'would forget' if dry_run else 'forgot'} {counted(kept.frames, 'frame')} with "
            f"{counted(kept.detections, 'detection')}, {counted(kept.episodes, 'episode')} and "
            f"{counted(kept.stretches, 'stretch')} of {counted(kept.streams, 'stream')}, "
            f"{counted(kept.alerts, 'alert')}; all before {shown_time(kept.edge_us)}"
        )
        records = ((kept.tool_runs, "tool run"), (kept.devices, "device"), (kept.tokens, "token"))
        if any(count for count, _ in records):
            words = ", ".join(counted(count, noun) for count, noun in records if count)
            note(f"{kept.ledger}: {'would forget' if dry_run else 'forgot'} {words}, too")
        for line in (*kept.waiting, *([] if kept.emptied else [_STILL_IN_LOG])):
            note(line)
    for name, trouble in failed.items():
        note(f"nothing more was forgotten of {name}: {trouble}")
    write_json(json_file, Retention(ledgers=tuple(done.values()), failed=failed))
    if failed:
        raise typer.Exit(ExitCode.FAILED)
    end_with_attention(any(kept.waiting or not kept.emptied for kept in done.values()))


def ledger_partition(
    ledger: LedgerArgument = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for those who use the other partition.", min=0)] = WAIT_S,
    json_file: JsonFile = None,
) -> None:
    """Give weeks whose frames lie in `chunks_other` partitions of their own, while streams go on; PostgreSQL alone.

    Services do so by themselves where a week has 20,000 chunks there at most. A command that was killed goes on when
    the same command runs again. Of several ledgers, one that is busy or down keeps no other from it: the exit status
    is then 1.

    Example: raypp ledger partition postgresql+psycopg://raypp@db.example/ledger
    """
    from raypp.ledger.partitioning import Partitioning, partition_other

    with opened_ledgers(ledger) as opened:
        progress = ConsoleProgress()
        done, failed = opened.each(lambda each: partition_other(each, wait_s=wait, progress=progress))
    for parts in done.values():
        for name in parts.partitions:
            say(f"made  {name}")
        note(f"{parts.ledger}: {counted(parts.moved, 'chunk')} moved, {parts.left:,} left in no week's partition")
    for name, trouble in failed.items():
        note(f"{name} was not partitioned: {trouble}")
    write_json(json_file, Partitioning(ledgers=tuple(done.values()), failed=failed))
    if failed:
        raise typer.Exit(ExitCode.FAILED)
