"""The `raypp export` command: a trained detector as one file."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import error_console, say
from raypp.cli.json_file import write_json
from raypp.cli.options import JsonFile


def export(
    run: Annotated[Path, typer.Argument(help="A run of `raypp train`, or its detector folder.")],
    out: Annotated[Path, typer.Option(help="The file to write; others beside it have its name and another suffix.")],
    formats: Annotated[
        str,
        typer.Option("--format", help="What to write, by commas: bundle, which raypp reads; onnx; openvino."),
    ] = "bundle",
    half: Annotated[bool, typer.Option("--half", help="Store weights as float16: half the size.")] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Seal the file under the passphrase in this file (scrypt, AES-256-GCM).")
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="The archive it was trained on, for a run that does not hold the veil's spec.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Write a trained detector as one file: weights, classes, veil and scores, and no code; or for other software.

    Example: raypp export run --out tools.model
    """
    from raypp.train.export import ExportFormat, write_export
    from raypp.veil.envelope import new_passphrase

    passphrase = new_passphrase(passphrase_file) if passphrase_file else None
    chosen = ExportFormat.of(name.strip() for name in formats.split(",") if name.strip())
    summary = write_export(run, out, archive, passphrase, half=half, force=force, formats=chosen)
    header, sealed = summary.header, ", sealed" if summary.sealed else ""
    info = header.info
    scores = f", mAP50 {header.scores.map50:.3f}, mAP50-95 {header.scores.map50_95:.3f}" if header.scores else ""
    lines = (
        *(
            f"{file.format:<14}{file.path}: {file.bytes / 1e6:.1f} MB of {header.precision}{sealed}"
            for file in summary.files
        ),
        f"detector      {info.architecture}, {len(info.classes)} classes, {header.epochs} epochs{scores}",
        f"veil          {info.veil_id}",
    )
    say(error_console(), lines)
    write_json(json_file, summary)
