"""The `raypp forget` command."""

from typing import Annotated

import typer

from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, PurgeWait, SiteName, note, opened_ledger
from raypp.cli.options import JsonFile, OneCamera
from raypp.errors import OptionError
from raypp.io.clock import now_us
from raypp.ledger.defaults import WAIT_S
from raypp.ledger.times import parse_duration, parse_time
from raypp.text.wording import counted


def forget(
    site: SiteName,
    ledger: LedgerUrl = None,
    camera: OneCamera = None,
    from_time: Annotated[str | None, typer.Option("--from", help="From this time on; ISO, UTC without offset.")] = None,
    to_time: Annotated[str | None, typer.Option("--to", help="Up to this time, exclusive.")] = None,
    older_than: Annotated[str | None, typer.Option(help="All that is older than this, such as 30d.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All times: the whole camera, or the whole site.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be deleted, and delete nothing.")
    ] = False,
    wait: PurgeWait = WAIT_S,
    json_file: JsonFile = None,
) -> None:
    """Delete frames, detections, episodes, stretches and alerts of a site for good; its streams go on where they are.

    The exit status is 3 where the deleted bytes are still in SQLite's log, since somebody reads all the time.

    Example: raypp forget plant-1 --older-than 30d --dry-run --ledger sqlite:///ledger.db

    Example: raypp forget plant-1 --camera gate --all --ledger sqlite:///ledger.db
    """
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.retention import forget as forget_rows

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
    with opened_ledger(ledger, site, upgrade=True) as opened:
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
    note(
        f"{'would forget' if dry_run else 'forgot'} {counted(done.frames, 'frame')} with "
        f"{counted(done.detections, 'detection')}, {counted(done.episodes, 'episode')} and "
        f"{counted(done.stretches, 'stretch')} of {counted(done.streams, 'stream')}; {counted(done.alerts, 'alert')}"
    )
    write_json(json_file, done)
    if not done.emptied:
        note(
            f"the deleted bytes are still in the ledger's log, which somebody has read for all of {wait:g} s: stop the "
            "reader (a backup, a shell, a long report), and run the same command again"
        )
    end_with_attention(not done.emptied)
