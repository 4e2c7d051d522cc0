"""The `raypp synthesise` command."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.json_file import file_option, write_json
from raypp.cli.options import (
    Architecture,
    ArchiveUrl,
    DataKeyFile,
    JsonFile,
    LabelsVersion,
    MixedPrecision,
    key_option,
)
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.synthesis.run import SynthesisSummary


def synthesise(
    archive: ArchiveUrl,
    out: Annotated[Path, typer.Option(help="Folder of the synthetic archive; again to go on after a stop.")],
    frames: Annotated[int, typer.Option(help="Synthetic frames to draw.")],
    labels: LabelsVersion = None,
    mix: Annotated[
        str | None, typer.Option(metavar="LABELS", help="Label version of real frames that go in beside them.")
    ] = None,
    generator: Annotated[
        Path | None, typer.Option(help="The owner's folder of the generator (default: OUT-private/generator).")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the train frames, at most.")] = 40,
    batch: Annotated[int, typer.Option(help="Frames of a step.")] = 16,
    leave_out_rare: Annotated[
        bool, typer.Option("--leave-out-rare", help="Leave out frames of classes with fewer than 20 boxes.")
    ] = False,
    guidance: Annotated[
        float, typer.Option(help="How far frames are moved towards their labels, from 0; takes twice the time.")
    ] = 0.0,
    key: Annotated[str | None, key_option("The owner's key, which signs OUT (default: OUT is left unsigned).")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, layouts and frames.")] = 0,
    amp: MixedPrecision = None,
    report: Annotated[
        Path | None, file_option("--report", "Judge generator and frames; write this JSON, and a page beside it.")
    ] = None,
    report_epochs: Annotated[
        int, typer.Option(help="Epochs of the report's two detectors; 0 leaves them out.", min=0)
    ] = 20,
    report_model: Architecture = "yolov8n",
    report_weights: Annotated[
        Path | None, typer.Option(help="What the report's detectors start from (default: random weights).")
    ] = None,
    data_key: DataKeyFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and write nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Draw synthetic veiled frames by a generator.

    It learns the codes and labels of a real archive, inside the perimeter. OUT is an archive as any other, with labels
    that fit what is drawn. The generator is a model of private data and stays inside. Synthetic is not anonymous.

    Example: raypp synthesise veiled --out synthetic --frames 1200

    Example: raypp synthesise veiled --labels tools --out synthetic --frames 1200 --report synthetic.json

    Example: raypp synthesise veiled --out synthetic --frames 1200 --key owner.key

    Example: raypp synthesise veiled --labels tools --out mixed --frames 600 --mix tenth --dry-run
    """
    from raypp.key_sources.place import optional_key_place
    from raypp.synthesis.run import run_synthesis
    from raypp.synthesis.settings import SynthesisSettings
    from raypp.synthesis.utility import UtilityTask

    settings = SynthesisSettings(
        archive=archive,
        out=out,
        frames=frames,
        labels_version=labels,
        mix=mix,
        generator=generator,
        epochs=epochs,
        batch=batch,
        leave_out_rare=leave_out_rare,
        seed=seed,
        amp=amp,
        data_key_path=optional_key_place(data_key),
        key_path=optional_key_place(key),
        guidance=guidance,
    )
    console = error_console()
    utility = UtilityTask(report_model, report_weights, report_epochs) if report and report_epochs else None
    summary = run_synthesis(settings, report, utility, ConsoleProgress(console), dry_run=dry_run)
    say(console, _lines(summary))
    write_json(json_file, summary)


def _lines(summary: "SynthesisSummary") -> Iterator[str]:
    if summary.dry_run:
        yield "dry run       everything is checked, and nothing is written"
    learned = f"{counted(summary.train_frames, 'train frame')} of {summary.archive}, labels {summary.labels_version}"
    yield f"learned       {learned}; {counted(summary.val_frames, 'val frame')} judge"
    if summary.left_out_classes:
        yield f"left out      {counted(summary.left_out_frames, 'frame')} with {', '.join(summary.left_out_classes)}"
    weights = f"{summary.parameters:,} weights, {summary.values:,} code values a frame"
    if summary.dry_run:
        yield f"generator     {weights}; in {summary.generator_folder}"
    else:
        yield f"generator     {summary.generator[:16]} of epoch {summary.epoch}, {weights}"
    mixed = f", and {counted(summary.mixed_frames, 'real frame')}" if summary.mixed_frames else ""
    yield f"drawn         {counted(summary.frames, 'synthetic frame')}{mixed}: {summary.out}"
    if not summary.dry_run:
        yield f"signed        {f'by {summary.signed_by}' if summary.signed_by else 'by nobody: no --key was given'}"
    if summary.report:
        from raypp.synthesis.report import synthesis_lines

        yield from synthesis_lines(summary.report)[1:]
    yield f"keep inside   {summary.generator_folder}: it is a model of private data; synthetic is not anonymous"
    if not summary.dry_run:
        yield f"hand over     {summary.out}, once you have judged it; next: raypp verify {summary.out}"
