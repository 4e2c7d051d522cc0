"""The `raypp fit` command."""

from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console, say
from raypp.cli.execution import execution_of
from raypp.cli.json_file import write_json
from raypp.cli.options import (
    Here,
    ImageData,
    ImageEpochs,
    JsonFile,
    MixedPrecision,
    NominalImages,
    OwnersKey,
    RayAddress,
    RunsOn,
    SquareSize,
)
from raypp.detect.encoder_kind import EncoderKind
from raypp.execution import On
from raypp.fit.adversary_shape import AdversaryShape


def fit(
    data: ImageData,
    out: Annotated[Path, typer.Option(help="Folder of the fit, inside the perimeter; again to go on after a stop.")],
    weights: Annotated[
        Path | None, typer.Option(help="Public weights (.pt) that encoder and trunk start from.")
    ] = None,
    warm_start: Annotated[
        Path | None, typer.Option(help="What an earlier fit published, in the place of --weights.")
    ] = None,
    key: OwnersKey = None,
    model: Annotated[str, typer.Option(help="Architecture: yolov8n ... x, yolo11s ...")] = "yolov8n",
    encoder: Annotated[
        EncoderKind,
        typer.Option(help="First stages of the model, or integers: several times faster, alike on any processor."),
    ] = EncoderKind.STAGES,
    size: SquareSize = 640,
    epochs: ImageEpochs = 100,
    batch: Annotated[int, typer.Option(help="Images of a step, over all workers together.")] = 16,
    nominal_batch: NominalImages = 64,
    patch: Annotated[int, typer.Option(help="Side of a cell in pixels: 4, 8 or 16.")] = 8,
    channels: Annotated[
        int | None, typer.Option(help="Code values of a cell (default: 8; 48 of cells of 16 pixels).")
    ] = None,
    bits: Annotated[int, typer.Option(help="Bits of a code value, 1 to 4.")] = 3,
    sub_keys: Annotated[int, typer.Option(help="Number of sub-keys.")] = 4,
    hide: Annotated[
        float, typer.Option(help="Weight of hiding images, against the detector's loss; 0 hides nothing.")
    ] = 1.0,
    tone: Annotated[float, typer.Option(help="Weight of hiding cells' colours, relative to their insides.")] = 0.5,
    rate: Annotated[float, typer.Option(help="Weight of the bits that a coder with contexts needs for a value.")] = 0.0,
    adversary: Annotated[
        list[AdversaryShape] | None,
        typer.Option(help="Who tries to reconstruct images; repeat. (default: all)"),
    ] = None,
    restart: Annotated[int, typer.Option(help="Epochs after which one adversary starts anew; 0 for never.")] = 4,
    adversary_rate: Annotated[float, typer.Option(help="Learning rate of adversaries, against the detector's.")] = 4,
    warm_up: Annotated[int, typer.Option(help="Epochs before anything is hidden.")] = 2,
    amp: MixedPrecision = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Makes a fit repeatable, and its codes' first rotation known (default: a secret one)."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Workers that fit together.")] = 1,
    gpu: Annotated[bool, typer.Option("--gpu", help="Fit on a GPU a worker.")] = False,
    on: RunsOn = On.AUTO,
    address: RayAddress = None,
    here: Here = False,
    keep_checkpoints: Annotated[
        bool,
        typer.Option("--keep-checkpoints", help="Keep OUT/running at the end: encoder and adversaries, unsealed."),
    ] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Also leave encoder and detector unsealed, for others' --warm-start.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fitted, and fit nothing.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Fit a learned veil: an encoder trained with a detector, against adversaries that try to reconstruct images.

    Leaves OUT/encoder.veil, which `raypp veil --spec` veils with, and OUT/start.model, which
    `raypp train --weights` starts from outside.

    Example: raypp fit images --weights yolov8n.pt --key owner.key --out fitted --epochs 100

    Example: raypp fit images --weights yolov8n.pt --out coarse --patch 16 --hide 4

    Example: raypp fit images --warm-start published/warm-start.safetensors --out fitted --epochs 12
    """
    from raypp.fit.checkpoints import RUNNING
    from raypp.fit.run import fit_plan_lines, fit_summary_lines, run_fit
    from raypp.fit.settings import FitSettings, usual_channels
    from raypp.veil.keyfile import resolve_key_place

    execution = execution_of(on, address, here=here)
    settings = FitSettings(
        data=str(Path(data).absolute()) if "://" not in data else data,
        weights=weights,
        warm_start=warm_start,
        architecture=model,
        encoder=encoder,
        size=size,
        epochs=epochs,
        batch=batch,
        nominal_batch=nominal_batch,
        seed=seed,
        amp=amp,
        patch=patch,
        channels=usual_channels(patch) if channels is None else channels,
        bits=bits,
        sub_keys=sub_keys,
        hide=hide,
        tone=tone,
        rate=rate,
        adversaries=tuple(adversary or AdversaryShape),
        restart=restart,
        adversary_rate=adversary_rate,
        warm_up=warm_up,
        workers=workers,
        gpu=gpu,
    )
    console = error_console()
    if dry_run:
        say(console, fit_plan_lines(settings))
        return

    place = out.absolute()
    summary = run_fit(
        settings,
        place,
        resolve_key_place(key),
        execution,
        ConsoleProgress(console),
        keep_checkpoints=keep_checkpoints,
        publish=publish,
    )
    say(console, fit_summary_lines(summary, place / RUNNING if keep_checkpoints else None))
    write_json(json_file, summary)
