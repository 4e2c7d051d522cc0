"""The `raypp forget-archive` command."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.options import ArchiveUrl, DataKeyFile, JsonFile, OwnerFolder, OwnersKey, RayAddress, RunsOn
from raypp.execution import On
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.forget.receipt import ForgetReceipt
    from raypp.forget.run import ForgetSummary


def forget_archive(
    archive: ArchiveUrl,
    source: Annotated[
        list[str] | None, typer.Option(help="A source: its pseudonym, its place or its file name; repeat.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    camera: Annotated[
        str | None, typer.Option(help="Only this camera and its views, or one view: CAMERA.VIEW.")
    ] = None,
    from_time: Annotated[
        str | None, typer.Option("--from", help="Captured from this time on; ISO, UTC without offset.")
    ] = None,
    to_time: Annotated[str | None, typer.Option("--to", help="Captured up to this time, exclusive.")] = None,
    order: Annotated[
        Path | None, typer.Option(help="The owner's order, done in a copy of the archive that you hold.")
    ] = None,
    owner_public_key: Annotated[
        str | None, typer.Option(help="Who must have signed the order: public key, or fingerprint; from the owner.")
    ] = None,
    order_out: Annotated[
        Path | None, typer.Option(help="Write a signed order for those who hold copies of the archive.")
    ] = None,
    receipt: Annotated[Path | None, typer.Option(help="Write the signed receipt here, too.")] = None,
    model: Annotated[
        list[Path] | None, typer.Option(help="A detector's bundle: say whether it was trained on this; repeat.")
    ] = None,
    key: OwnersKey = None,
    private: OwnerFolder = None,
    data_key: DataKeyFile = None,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    workers: Annotated[int | None, typer.Option(help="Most workers at once on Ray (default: one a CPU).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be forgotten, and change nothing.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Take frames out of an archive for good: shards, labels, receipts. `raypp veil` veils nothing of it again.

    With --order, somebody who holds a copy does what its owner ordered; --key is then their own, and signs the receipt.

    Example: raypp forget-archive veiled --source gate/0001.mp4 --key owner.key --order-out order.json --dry-run

    Example: raypp forget-archive copy --order order.json --owner-public-key 9ea2c01b77d4f3a8 --key ours.key
    """
    from raypp.forget.run import forget_frames
    from raypp.forget.selection import ArchiveSelection
    from raypp.forget.settings import ForgetSettings
    from raypp.key_sources.place import optional_key_place
    from raypp.ledger.times import parse_time
    from raypp.veil.keyfile import resolve_key_place

    settings = ForgetSettings(
        archive=archive,
        data_key_path=optional_key_place(data_key),
        key_path=resolve_key_place(key),
        private=private,
        selection=ArchiveSelection(
            sources=tuple(source or ()),
            site=site,
            camera=camera,
            from_us=parse_time(from_time, "--from") if from_time else None,
            to_us=parse_time(to_time, "--to") if to_time else None,
        ),
        order=order,
        owner_public_key=owner_public_key,
        order_out=order_out,
        receipt=receipt,
        models=tuple(model or ()),
    )
    console = error_console()
    execution = execution_of(on, address, workers=workers)
    summary = forget_frames(settings, execution, ConsoleProgress(console), dry_run=dry_run)
    say(console, _lines(summary, order_out))
    write_json(json_file, summary)
    end_with_attention(bool(summary.undated))


def _lines(summary: "ForgetSummary", order_out: Path | None) -> Iterator[str]:
    receipt = summary.receipt
    if summary.before:
        yield f"forgotten before, at {receipt.begun_at}; nothing of it is left"
    elif summary.resumed:
        yield "a run that was stopped has come to its end"
    if summary.dry_run:
        yield "dry run       nothing is changed"
    yield f"archive       {summary.archive}"
    variants = f" and {counted(receipt.variants, 'variant')}" if receipt.variants else ""
    whole = "" if receipt.sources is None else f", {counted(receipt.sources, 'source')} as a whole"
    would = "would go" if summary.dry_run else "forgotten"
    yield f"{would:<13} {counted(receipt.frames, 'frame')}{variants} of {counted(receipt.segments, 'segment')}{whole}"
    yield from _held_lines(receipt)
    if summary.undated:
        yield (
            f"left alone    {counted(summary.undated, 'source')} of unknown capture time; name what is to go of them "
            "by --source"
        )
    if summary.receipt_path is None:
        return
    if receipt.manifest_before != receipt.manifest_after:
        signed = "yes" if summary.signed else "no: the owner's signature is of other bytes, or there was none"
        yield f"signed        {signed}"
    yield f"receipt       {summary.receipt_path}"
    if order_out is not None and not summary.before:
        yield f"order         {order_out}: for those who hold copies; next: raypp verify {summary.archive}"


def _held_lines(receipt: "ForgetReceipt") -> Iterator[str]:
    for labels in receipt.labels:
        gone = "" if labels.after else ": nothing is left of it"
        yield f"labels        {labels.version}: {counted(labels.forgotten, 'row')}{gone}"
    for dataset in receipt.datasets:
        frames = ", ".join(f"{count} {split}" for split, count in dataset.frames.items())
        yield f"held by       dataset version {dataset.dataset_version} (labels {dataset.labels_version}): {frames}"
    for model in receipt.models:
        verdict = {True: "trained on it", False: "not trained on it", None: "nobody can tell"}[model.trained]
        yield f"model         {model.path}: {verdict}: {model.reason}"
