"""The `raypp veil` command."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.options import JsonFile, RayAddress, RunsOn, VeilKeyFile, key_option
from raypp.errors import OptionError
from raypp.execution import On
from raypp.ingest.defaults import DEFAULT_SHARD_MB, DEFAULT_SIZE, MOST_VARIANTS

_UNFITTED = (
    "default veil  fitted to no task: on 17 hand tools, a detector lost 86 % of its mAP50 in 12 epochs",
    "              for detection, choose a learned veil: `raypp fit` makes it, `--spec` takes it",
)
"""Figures of benchmarks/results/learned-veils.md."""


def veil(
    sources: Annotated[
        list[str],
        typer.Argument(help="Videos, images, folders, globs, URLs, inventories (.csv), labelled datasets."),
    ],
    out: Annotated[str, typer.Option(help="The archive to write: a folder, or a URL.")],
    key: VeilKeyFile = None,
    spec: Annotated[
        Path | None,
        typer.Option(help="Veil spec, JSON, or the encoder file of a learned veil (default: the default patch veil)."),
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the square frames are letterboxed into.")] = DEFAULT_SIZE,
    fps: Annotated[str | None, typer.Option(help="Frames to veil per second, such as 2 or 1/5.")] = None,
    keyframes: Annotated[bool, typer.Option("--keyframes", help="Veil keyframes only.")] = False,
    site: Annotated[str, typer.Option(help="Name of the site.")] = "site",
    camera: Annotated[str | None, typer.Option(help="Name of the camera (default: the source's folder).")] = None,
    masks: Annotated[Path | None, typer.Option(help="Privacy masks: polygons per camera, JSON or YAML.")] = None,
    views: Annotated[
        Path | None, typer.Option(help="Parts of cameras' images to veil at the whole size, too: a cameras file.")
    ] = None,
    time_from: Annotated[
        str | None, typer.Option(help="Capture time: metadata, name:PATTERN, or an ISO start time.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="The site's time zone, such as Europe/Berlin.")] = "UTC",
    labels_version: Annotated[str | None, typer.Option(help="Name of new label versions (default: v1, v2 ...)")] = None,
    allow_unlabelled: Annotated[
        bool, typer.Option("--allow-unlabelled", help="Veil a dataset though most of its images have no labels.")
    ] = False,
    private: Annotated[
        Path | None, typer.Option(help="The owner's side: plan, plain names, quarantine (default: OUT-private).")
    ] = None,
    plain_names: Annotated[bool, typer.Option("--plain-names", help="Write plain source names into shards.")] = False,
    variants: Annotated[
        int,
        typer.Option(help=f"Also veil this many augmented variants of each training image (at most {MOST_VARIANTS})."),
    ] = 0,
    data_key: Annotated[
        str | None, key_option("Encrypt shards, manifest and labels with this data key; the header stays open.")
    ] = None,
    shard_mb: Annotated[float, typer.Option(help="Aimed size of a shard, in MB.")] = DEFAULT_SHARD_MB,
    segment_seconds: Annotated[float, typer.Option(help="Longest stretch of video in one segment.")] = 600.0,
    device: Annotated[str, typer.Option(help="Veil on the CPU (numpy), or a torch device such as cuda.")] = "numpy",
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Take uneven light out of frames before they are veiled (OpenCV).")
    ] = False,
    denoise: Annotated[
        int, typer.Option(help="Take noise out before that: strength in grey levels, such as 5.", min=0, max=30)
    ] = 0,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    workers: Annotated[
        int | None, typer.Option(help="Most workers at once on Ray (default: one a CPU, or as many as GPUs allow).")
    ] = None,
    gpus: Annotated[float | None, typer.Option(help="GPUs of each worker on Ray (default: 0).", min=0)] = None,
    limit: Annotated[int | None, typer.Option(help="Veil at most this many segments in this run.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would be done, and write nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Veil videos and images into Parquet shards; run again to finish or extend.

    Example: raypp veil recordings/ --out veiled --fps 2 --site plant-1

    Example: raypp veil s3://bucket/cams --out veiled --fps 2 --time-from name:%Y%m%d_%H%M%S --dry-run
    """
    from raypp.ingest.dry_run import survey, survey_lines
    from raypp.ingest.run import run_veil
    from raypp.ingest.settings import VeilSettings, owner_side
    from raypp.ingest.summary import veil_summary_lines
    from raypp.veil.encoder_file import spec_and_encoder
    from raypp.veil.keyfile import resolve_key_place
    from raypp.veil.preparation import Preparation

    execution = execution_of(on, address, workers=workers, gpus=gpus)
    chosen, encoder = spec_and_encoder(spec)
    settings = VeilSettings(
        out=out,
        private=private or owner_side(out),
        key_path=resolve_key_place(key).absolute(),
        data_key_path=data_key,
        spec=chosen,
        encoder_path=encoder,
        size=size,
        fps=_fraction(fps),
        keyframes=keyframes,
        site=site,
        camera=camera,
        masks_path=masks.absolute() if masks else None,
        views_path=views.absolute() if views else None,
        time_from=time_from,
        timezone=timezone,
        plain_names=plain_names,
        variants=variants,
        shard_mb=shard_mb,
        segment_s=segment_seconds,
        device=device,
        preparation=Preparation(flatten=flatten, denoise=denoise),
    )
    console = error_console()
    progress = ConsoleProgress(console)
    if spec is None:
        say(console, _UNFITTED)
    if dry_run:
        result = survey(settings, sources, progress, execution.expected_workers)
        say(console, survey_lines(result))
        write_json(json_file, result)
        end_with_attention(bool(result.quarantined or result.label_problems))
        return
    summary = run_veil(
        settings,
        sources,
        execution,
        progress,
        limit=limit,
        labels_version=labels_version,
        allow_unlabelled=allow_unlabelled,
    )
    say(console, veil_summary_lines(summary))
    write_json(json_file, summary)
    end_with_attention(summary.needs_attention)


def _fraction(text: str | None) -> Fraction | None:
    if text is None:
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise OptionError(f"--fps {text!r} is no number; give one such as 2, 0.5 or 1/5") from None
