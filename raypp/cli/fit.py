"""The `raypp fit` command."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from raypp.cli.json_file import json_option, write_json
from raypp.compare.images import ImageDataset, read_images
from raypp.errors import SpecError
from raypp.execution import cluster_unless_here
from raypp.fit.checkpoints import RUNNING, forget_checkpoints, forget_parts
from raypp.fit.results import FitEpoch
from raypp.fit.settings import AdversaryShape, FitSettings, recipe_of, usual_channels
from raypp.io.private import private_folder, private_umask
from raypp.shards.place import refuse_within_archive
from raypp.train.progress import epochs_said, say_begin
from raypp.train.results import read_results
from raypp.train.run_folder import claim
from raypp.veil.encoder_file import ENCODER_FILE, START_FILE, open_encoder, spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key, resolve_key_path
from raypp.veil.packing import packed_size
from raypp.veil.spec import LearnedSpec

SETTINGS_FILE = "fit.json"

ClusterFit = Callable[[FitSettings, Path, str | None], Path]
"""Fits on a cluster: settings, folder of the fit, address; returns the folder of the last checkpoint."""


class FitSummary(BaseModel):
    """Result of `raypp fit`."""

    model_config = ConfigDict(frozen=True)

    encoder: str = Field(description="encoder file, sealed under the owner's key; it stays inside the perimeter")
    start: str = Field(description="detector that trainings on this veil start from")
    veil_id: str
    spec: dict[str, str | int]
    encoder_bytes: int
    last: FitEpoch
    seconds: float


def make_fit_command(cluster: ClusterFit | None) -> Callable[..., None]:
    """Return the `fit` command, fitting on a cluster or, without one, in its own process."""

    def fit(
        data: Annotated[str, typer.Argument(help="Plain images in YOLO layout, with train and val.")],
        out: Annotated[
            Path, typer.Option(help="Folder of the fit, inside the perimeter; again to go on after a stop.")
        ],
        weights: Annotated[Path, typer.Option(help="Public weights (.pt) that encoder and trunk start from.")],
        key: Annotated[Path | None, typer.Option(help="Owner's key (default: RAYPP_KEY_FILE).")] = None,
        model: Annotated[str, typer.Option(help="Architecture: yolov8n ... x, yolo11s ...")] = "yolov8n",
        size: Annotated[int, typer.Option(help="Side of the letterboxed square, in pixels.")] = 640,
        epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 100,
        batch: Annotated[int, typer.Option(help="Images of a step, over all workers together.")] = 16,
        nominal_batch: Annotated[
            int, typer.Option(help="Images whose gradients make one step of the optimiser; small for few images.")
        ] = 64,
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
        rate: Annotated[float, typer.Option(help="Weight of the codes' entropy, in bits a value.")] = 0.0,
        adversary: Annotated[
            list[AdversaryShape] | None, typer.Option(help="Who tries to rebuild the images; repeat. (default: all)")
        ] = None,
        restart: Annotated[int, typer.Option(help="Epochs after which one adversary starts anew; 0 for never.")] = 4,
        adversary_rate: Annotated[
            float, typer.Option(help="Learning rate of adversaries, against the detector's.")
        ] = 4,
        warm_up: Annotated[int, typer.Option(help="Epochs before anything is hidden.")] = 2,
        amp: Annotated[
            bool | None,
            typer.Option(
                "--amp/--no-amp",
                help="Mixed precision (default: where a GPU is); slower on a CPU without bfloat16 arithmetic.",
            ),
        ] = None,
        seed: Annotated[int, typer.Option(help="Of initial weights, order and augmentation.")] = 0,
        workers: Annotated[int, typer.Option(help="Workers that fit together.")] = 1,
        gpu: Annotated[bool, typer.Option("--gpu", help="Fit on a GPU a worker.")] = False,
        here: Annotated[bool, typer.Option("--here", help="Fit in this process, without Ray.")] = False,
        address: Annotated[str | None, typer.Option(help="Address of a running Ray (default: a local one).")] = None,
        keep_checkpoints: Annotated[
            bool,
            typer.Option("--keep-checkpoints", help="Keep OUT/running at the end: encoder and adversaries, unsealed."),
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fitted, and fit nothing.")] = False,
        json_file: Annotated[Path | None, json_option()] = None,
    ) -> None:
        """Fit a learned veil: an encoder trained with a detector, against adversaries that try to rebuild images.

        Leaves OUT/encoder.veil, which `raypp veil --spec` veils with, and OUT/start.model, which
        `raypp train --weights` starts from outside.

        Example: raypp fit images --weights yolov8n.pt --key owner.key --out fitted --epochs 100

        Example: raypp fit images --weights yolov8n.pt --out coarse --patch 16 --hide 4
        """
        on_ray = cluster_unless_here(cluster, here=here, address=address)
        settings = FitSettings(
            data=str(Path(data).absolute()) if "://" not in data else data,
            weights=weights.absolute(),
            architecture=model,
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
        console = Console(stderr=True, soft_wrap=True)
        if dry_run:
            _print_plan(settings, console)
            return
        refuse_within_archive(out, "the encoder")
        place, key_path = out.absolute(), resolve_key_path(key)
        summary = run_fit(settings, place, key_path, on_ray, address, console, keep_checkpoints=keep_checkpoints)
        last = summary.last
        console.print(
            f"fitted        {last.epoch} epochs in {summary.seconds:.0f} s: mAP50 {last.map50:.3f}, "
            f"mAP50-95 {last.map50_95:.3f}; the adversaries' best: detail {last.detail:.2f}, tone {last.tone:.2f}\n"
            f"encoder       {summary.encoder} ({summary.encoder_bytes / 1e3:.0f} kB, sealed; stays inside)\n"
            f"start         {summary.start} (goes to who trains)\n"
            f"veil          {summary.veil_id}",
            highlight=False,
            markup=False,
        )
        if keep_checkpoints:
            console.print(
                f"checkpoints   {place / RUNNING} (encoder and adversaries, unsealed; stay inside)", markup=False
            )
        write_json(json_file, summary)

    return fit


@private_umask()
def run_fit(
    settings: FitSettings,
    out: Path,
    key_path: Path,
    cluster: ClusterFit | None,
    address: str | None,
    console: Console,
    *,
    keep_checkpoints: bool = False,
) -> FitSummary:
    """Fit a veil, or go on with its fit, and write what it leaves; a finished one is not fitted again.

    Args:
        settings: what is asked for.
        out: folder of the fit.
        key_path: the owner's key.
        cluster: where to fit; None for this process.
        address: address of a running Ray, or None for a local one.
        console: where epochs are reported.
        keep_checkpoints: whether what the fit goes on from after a stop stays when it has finished.

    Raises:
        OptionError, SpecError, LabelError: if it cannot be done as asked.
        KeyFileError: if the key cannot be read, or is no owner's.
        ConflictError: if the fit was begun otherwise.
        ModelError: if fitting failed.
    """
    settings.check()
    key = load_owner_key(key_path)
    settings.spec("0" * 32)  # what no veil has ends here
    images = None if (out / ENCODER_FILE).exists() else read_images(settings.data)
    private_folder(out)
    claim(out / SETTINGS_FILE, settings.model_dump_json(indent=1) + "\n", f"fit {out} was begun with other settings")
    finished = partial(read_results, out, FitEpoch)
    started = monotonic()
    if images is None:
        spec = _fitted_spec(out / ENCODER_FILE, key)
        console.print(f"{out} was fitted before: nothing to do", highlight=False, markup=False)
    else:
        spec = _fit(settings, images, out, key, cluster, address, console)
    if not keep_checkpoints:
        forget_checkpoints(out)
    return FitSummary(
        encoder=str(out / ENCODER_FILE),
        start=str(out / START_FILE),
        veil_id=key.veil_id(spec),
        spec=spec.model_dump(mode="json"),
        encoder_bytes=(out / ENCODER_FILE).stat().st_size,
        last=finished()[-1],
        seconds=monotonic() - started,
    )


def _fit(
    settings: FitSettings,
    images: ImageDataset,
    out: Path,
    key: VeilKey,
    cluster: ClusterFit | None,
    address: str | None,
    console: Console,
) -> LearnedSpec:
    """Fit to the last epoch, and write encoder and starting detector."""
    from raypp.fit.export import write_fitted  # noqa: PLC0415 - needs torch, whose import takes seconds
    from raypp.fit.worker import fit_here, fitted_weights  # noqa: PLC0415

    recipe = recipe_of(settings, images)
    finished = partial(read_results, out, FitEpoch)
    forget_parts(out)
    splits = {split: len(found) for split, found in images.splits.items()}
    say_begin(console, splits, settings.epochs, recipe.steps, len(finished()), on_ray=cluster is not None)
    with epochs_said(finished, settings.epochs, _say(settings, console)):
        folder = cluster(settings, out, address) if cluster else fit_here(settings, out)
    return write_fitted(settings, images.classes, recipe, fitted_weights(folder), key, out)


def _fitted_spec(encoder: Path, key: VeilKey) -> LearnedSpec:
    """The spec of a finished fit; raises SpecError if its encoder was sealed under another key."""
    spec, _ = spec_and_encoder(encoder)
    if not isinstance(spec, LearnedSpec):
        raise SpecError(f"{encoder} is no encoder file of raypp; fit into another --out")
    open_encoder(encoder, spec, key)
    return spec


def _print_plan(settings: FitSettings, console: Console) -> None:
    settings.check()
    spec, images = settings.spec("0" * 32), read_images(settings.data)
    counts = ", ".join(f"{len(found)} {split}" for split, found in images.splits.items())
    size = packed_size(spec.channels * (settings.size // spec.patch) ** 2, spec.bits)
    steps = recipe_of(settings, images).steps
    console.print(
        f"images      {images.name}: {counts}, {len(images.classes)} classes\n"
        f"veil          cells of {spec.patch}x{spec.patch} pixels, {spec.channels} values of {spec.bits} bits; "
        f"a square frame of {settings.size} pixels takes {size / 1e3:.1f} kB before compression\n"
        f"would take    {settings.epochs} epochs of {steps} steps, after {settings.warm_up} of warm-up, against "
        f"{len(settings.adversaries)} adversaries\ndry run: nothing was written",
        highlight=False,
        markup=False,
    )


def _say(settings: FitSettings, console: Console) -> Callable[[FitEpoch, str], None]:
    """What prints an epoch."""

    def say(one: FitEpoch, left: str) -> None:
        console.print(
            f"epoch {one.epoch}/{settings.epochs}: box {one.box_loss:.3f}, class {one.cls_loss:.3f}, "
            f"dfl {one.dfl_loss:.3f}; adversaries: detail {one.detail:.2f}, tone {one.tone:.2f}; "
            f"{one.bits:.2f} bits a value; mAP50 {one.map50:.3f}, mAP50-95 {one.map50_95:.3f}"
            f"{left}",
            highlight=False,
            markup=False,
        )

    return say
