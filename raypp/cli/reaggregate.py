"""The `raypp reaggregate` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.json_file import write_json
from raypp.cli.ledger import LedgerUrl, SiteName, note, opened_ledger, say
from raypp.cli.options import JsonFile, OneCamera
from raypp.errors import OptionError
from raypp.text.wording import counted


def reaggregate(
    site: SiteName,
    ledger: LedgerUrl = None,
    camera: OneCamera = None,
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
    from raypp.ledger.audit_log import command_line_account
    from raypp.ledger.reaggregation import reaggregate as aggregate_anew
    from raypp.usage.settings import SiteSettings

    if settings is not None and not dry_run:
        raise OptionError("--settings goes with --dry-run; give the site its settings with `raypp site configure`")
    chosen = SiteSettings.load(settings) if settings else None
    with opened_ledger(ledger, site, upgrade=True) as opened:
        done = aggregate_anew(
            opened, site, chosen, camera=camera, again=again, dry_run=dry_run, who=command_line_account()
        )
    for row in done.tools:
        say(
            f"{row.camera}@{row.epoch}  {row.tool}: {row.episodes_before} -> {counted(row.episodes_after, 'episode')}, "
            f"{row.seen_before_s:.1f} -> {row.seen_after_s:.1f} s seen"
        )
    note(
        f"{'would change' if dry_run else 'changed'} {done.changed} of {counted(done.streams, 'stream')} "
        f"({counted(done.frames, 'frame')}); {done.already} had these settings already"
    )
    write_json(json_file, done)
