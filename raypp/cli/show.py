"""The `raypp show` command."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.key_shares import Passphrases, Reason, Shares, passphrases_of
from raypp.cli.options import (
    ArchiveUrl,
    DataKeyFile,
    JsonFile,
    MovedSources,
    OwnerFolder,
    VeiledMasks,
    VeiledViews,
    VeilKeyFile,
)
from raypp.text.address import redacted


def show(
    archive: ArchiveUrl,
    out: Annotated[Path, typer.Option(help="Folder for the plain images; not within the archive.")],
    sample_ids: Annotated[list[str] | None, typer.Argument(help="Which frames.")] = None,
    from_csv: Annotated[
        Path | None, typer.Option("--from", help="Take ids from this CSV's column sample_id, too.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Take at most this many ids from the CSV.", min=1)] = 20,
    key: VeilKeyFile = None,
    share: Shares = None,
    reason: Reason = "",
    passphrase: Passphrases = None,
    sources: MovedSources = None,
    private: OwnerFolder = None,
    masks: VeiledMasks = None,
    views: VeiledViews = None,
    labels: Annotated[
        str | None, typer.Option(help="Label version to draw (default: the newest that labels the frame).")
    ] = None,
    detections: Annotated[
        Path | None, typer.Option(help="Draw detections of this CSV: sample_id,class,confidence,x,y,w,h.")
    ] = None,
    data_key: DataKeyFile = None,
    json_file: JsonFile = None,
) -> None:
    """Draw the plain frames of sample_ids with their labels; needs the key and the sources.

    Example: raypp show veiled 3f1c8a... --key owner.key --out looked-at

    Example: raypp show veiled --from label-suspects.csv --key owner.key --out looked-at

    Example: raypp show veiled 3f1c8a... --key owner.key.split --share anna/key.share --share ben/key.share
    --reason "claim 17" --out looked-at
    """
    from raypp.key_sources.place import optional_key_place
    from raypp.reveal.show import SHEET_FILE, ShowRequest, clock_time, show_frames
    from raypp.veil.keyfile import resolve_key_place

    console = error_console()
    request = ShowRequest(
        archive=archive,
        out=out,
        key_path=resolve_key_place(key),
        sample_ids=tuple(sample_ids or ()),
        from_csv=from_csv,
        limit=limit,
        sources=tuple(sources or ()),
        private=private,
        masks_path=masks,
        views_path=views,
        labels_version=labels,
        detections=detections,
        data_key_path=optional_key_place(data_key),
        shares=tuple(share or ()),
        reason=reason,
    )
    summary = show_frames(request, ConsoleProgress(console), passphrases_of(passphrase))
    for frame in summary.shown:
        Console(soft_wrap=True).print(
            f"{frame.sample_id}  {clock_time(frame.timestamp_us)}  {redacted(frame.source)}",
            highlight=False,
            markup=False,
        )
    say(console, map(redacted, summary.problems))
    if summary.shown:
        wanted = len(summary.shown) + len(summary.problems)
        say(console, [f"{len(summary.shown)} of {wanted} drawn into {out}; all on {out / SHEET_FILE}"])
    write_json(json_file, summary)
    end_with_attention(bool(summary.problems))
