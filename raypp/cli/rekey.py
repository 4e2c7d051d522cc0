"""The `raypp rekey` command."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.json_file import write_json
from raypp.cli.options import JsonFile, OwnerFolder, RayAddress, RunsOn, key_option
from raypp.execution import On
from raypp.text.wording import byte_size, counted

if TYPE_CHECKING:
    from raypp.rekey.archive import RekeyedArchive
    from raypp.rekey.run import RekeySummary, WrittenModel


def rekey(
    old_key: Annotated[str, typer.Option("--from", metavar="FILE|URL", help="The owner's key so far.")],
    new_key: Annotated[str, typer.Option("--to", metavar="FILE|URL", help="The owner's new key.")],
    encoder: Annotated[Path, typer.Option(help="Encoder file of the learned veil, under the key so far.")],
    out: Annotated[Path, typer.Option(help="Folder of the encoder and the models under the new key.")],
    model: Annotated[list[Path] | None, typer.Option(help="A detector's bundle, such as start.model; repeat.")] = None,
    archive: Annotated[str | None, typer.Option(help="A veiled archive to translate: a folder, or a URL.")] = None,
    archive_out: Annotated[
        str | None, typer.Option(help="The archive to write (default: a folder of its name in OUT).")
    ] = None,
    sources: Annotated[
        list[str] | None, typer.Option(help="A dataset that the archive was veiled from; repeat.")
    ] = None,
    private: OwnerFolder = None,
    out_private: Annotated[
        Path | None, typer.Option(help="The owner's side of the new archive (default: its name with -private).")
    ] = None,
    data_key: Annotated[str | None, key_option("Data key of an encrypted archive, and of the new one.")] = None,
    camera: Annotated[
        list[str] | None,
        typer.Option(help="SITE/CAMERA that the models are for, where they learned sub-keys apart; repeat."),
    ] = None,
    mean_of_sub_keys: Annotated[
        bool,
        typer.Option("--mean-of-sub-keys", help="Read sub-keys that were learned apart by their mean: not exact."),
    ] = False,
    reveals_mapping: Annotated[
        bool,
        typer.Option(
            "--reveals-mapping",
            help="Let one folder show which old name is which new one: it holds things of both keys, or model and "
            "archive.",
        ),
    ] = False,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    workers: Annotated[int | None, typer.Option(help="Most workers at once on Ray (default: one a CPU).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and write nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Put a learned veil under a new key: encoder, detectors and archives, without images and without training.

    Example: raypp rekey --from old.key --to new.key --encoder fit/encoder.veil --model fit/start.model --out fit-2

    Example: raypp rekey --from old.key --to new.key --encoder fit/encoder.veil --out fit-2 --archive veiled --dry-run
    """
    from raypp.key_sources.place import key_place, optional_key_place
    from raypp.rekey.run import run_rekey
    from raypp.rekey.settings import RekeySettings

    execution = execution_of(on, address, workers=workers)
    settings = RekeySettings(
        old_key_path=key_place(old_key),
        new_key_path=key_place(new_key),
        encoder_path=encoder,
        out=out,
        models=tuple(model or ()),
        archive=archive,
        archive_out=archive_out,
        private=private,
        out_private=out_private,
        data_key_path=optional_key_place(data_key),
        sources=tuple(sources or ()),
        cameras=tuple(camera or ()),
        mean_of_sub_keys=mean_of_sub_keys,
        reveals_mapping=reveals_mapping,
    )
    console = error_console()
    summary = run_rekey(settings, execution, ConsoleProgress(console), dry_run=dry_run)
    say(console, _lines(summary))
    write_json(json_file, summary)


def _lines(summary: "RekeySummary") -> Iterator[str]:
    if summary.dry_run:
        yield "dry run       everything is checked, and nothing is written"
    yield f"veil          {summary.old_veil_id} -> {summary.veil_id}"
    yield f"encoder       {summary.encoder}: sealed under {summary.fingerprint}"
    for model in summary.models:
        yield f"model         {model.path}: {_exactness(model)}"
    if summary.archive is not None:
        yield from _archive_lines(summary.archive, dry_run=summary.dry_run)
    yield "what it saves names alone: whoever had the encoder has it still (docs/how-to/rekey.md)"


def _exactness(model: "WrittenModel") -> str:
    if not model.exact:
        return "sub-keys read by the mean of all, so scores may differ: run `raypp evaluate`"
    kept = None not in model.sub_keys
    return "finds what the old one found" if kept else "finds what the old one found on the cameras that you named"


def _archive_lines(archive: "RekeyedArchive", *, dry_run: bool) -> Iterator[str]:
    held = f"{counted(archive.frames, 'frame')} in {counted(archive.segments, 'segment')}"
    yield f"archive       {archive.out}: {held}, {byte_size(archive.shard_bytes)}"
    if dry_run:
        return
    before = archive.segments - archive.segments_translated
    skipped = f", {before} finished before" if before else ""
    yield f"segments      {archive.segments_translated} translated{skipped}"
    if archive.segments_translated:
        yield f"rate          {archive.frames_per_s:.1f} frames/s over {archive.seconds:.1f} s"
    yield f"labels        {', '.join(archive.label_versions) or 'none'}"
    yield f"signed        by {archive.signed_by}"
    yield f"hand over     {archive.out}; keep {archive.private} inside; next: raypp verify {archive.out}"
