"""A fit of a learned veil from its settings to the encoder file, gone on with after a stop."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic

from pydantic import BaseModel, ConfigDict, Field

from raypp.compare.images import ImageDataset, read_images
from raypp.detect.warm_start_header import WARM_START_FILE
from raypp.errors import ContentError, OptionError, RayppError, SpecError
from raypp.execution import ExecutionSettings, Executor, On, on_ray
from raypp.fit.card import FitCard, make_card, read_card, write_card
from raypp.fit.checkpoints import RUNNING, forget_checkpoints, forget_parts
from raypp.fit.results import FitEpoch
from raypp.fit.settings import FitSettings, check_warm_start, schedule_of
from raypp.io.content import read_content
from raypp.io.json import read_json
from raypp.io.private import private_folder, private_umask
from raypp.key_sources.place import KeyPlace
from raypp.progress import SILENT, Progress
from raypp.shards.place import refuse_within_archive
from raypp.train.progress import StepDisplay, begin_line, epochs_said
from raypp.train.results import read_results
from raypp.train.run_folder import begun_on_ray, open_run_folder, require_same_place
from raypp.veil.encoder_file import ENCODER_FILE, START_FILE, open_encoder, spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key
from raypp.veil.learned import EncoderNetwork
from raypp.veil.packing import packed_size
from raypp.veil.spec import LearnedSpec

SETTINGS_FILE = "fit.json"
_MOST_SETTINGS_BYTES = 1_000_000

Fitter = Executor[[FitSettings, Path], Path]
"""Fits into a folder, and returns the folder of the last checkpoint."""


class FitSummary(BaseModel):
    """Summary of a fit."""

    model_config = ConfigDict(frozen=True)

    encoder: str = Field(description="encoder file, sealed under the owner's key; it stays inside the perimeter")
    start: str = Field(description="detector that trainings on this veil start from")
    veil_id: str
    spec: dict[str, str | int]
    encoder_bytes: int
    card: FitCard | None = Field(description="figures of the veil; None where its images cannot be read any more")
    warm_start: str | None = Field(None, description="encoder and detector, unsealed, for other fits to start from")
    last: FitEpoch
    seconds: float


@private_umask()
def run_fit(
    settings: FitSettings,
    out: Path,
    key_path: KeyPlace,
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
    *,
    keep_checkpoints: bool = False,
    publish: bool = False,
) -> FitSummary:
    """Fit a veil, or go on with its fit, and write what it leaves; a finished one is not fitted again.

    Args:
        settings: what is asked for.
        out: folder of the fit.
        key_path: the owner's key.
        execution: where; by default a fit goes on where it was begun, and one worker begins in this process.
        progress: is told each epoch, and how far the running one is.
        keep_checkpoints: whether what the fit goes on from after a stop stays when it has finished.
        publish: whether it also leaves encoder and detector unsealed, as a warm start of other fits.

    Raises:
        OptionError, SpecError, LabelError: if it cannot be done as asked.
        KeyFileError: if the key cannot be read, or is no owner's.
        ConflictError: if the fit was begun otherwise.
        ModelError: if fitting failed.
    """
    execution = execution or ExecutionSettings()
    execution.check()
    settings.check()
    check_warm_start(settings)
    execution = execution.with_workers(settings.workers)
    execution.check("workers")
    refuse_within_archive(out, "the encoder")
    key = load_owner_key(key_path)
    settings.spec("0" * 32)  # what no veil has ends here
    images = None if (out / ENCODER_FILE).exists() else read_images(settings.data)
    private_folder(out)
    settings = _as_begun(settings, out / SETTINGS_FILE)
    open_run_folder(out / SETTINGS_FILE, settings, f"fit {out} was begun with other settings")
    finished = partial(read_results, out, FitEpoch)
    started = monotonic()
    if images is None:
        spec = _fitted_spec(out / ENCODER_FILE, key)
        if publish:
            _publish_finished(settings, out)
        progress.say(f"{out} was fitted before: nothing to do")
    else:
        spec = _fit(settings, images, out, key, execution, progress, publish=publish)
    if not keep_checkpoints:
        forget_checkpoints(out)
    return FitSummary(
        encoder=str(out / ENCODER_FILE),
        start=str(out / START_FILE),
        veil_id=key.veil_id(spec),
        spec=spec.model_dump(mode="json"),
        encoder_bytes=(out / ENCODER_FILE).stat().st_size,
        card=read_card(out) or _card(settings, images, spec, out, key),
        warm_start=str(out / WARM_START_FILE) if publish else None,
        last=finished()[-1],
        seconds=monotonic() - started,
    )


def _fit(
    settings: FitSettings,
    images: ImageDataset,
    out: Path,
    key: VeilKey,
    execution: ExecutionSettings,
    progress: Progress,
    *,
    publish: bool,
) -> LearnedSpec:
    """Fit to the last epoch, and write encoder and starting detector."""
    from raypp.detect.training_state import holds_state  # noqa: PLC0415 - needs torch
    from raypp.fit.export import write_fitted  # noqa: PLC0415 - needs torch, whose import takes seconds
    from raypp.fit.warm_start import forget_warm_start, write_warm_start  # noqa: PLC0415
    from raypp.fit.worker import fit_here, fitted_weights  # noqa: PLC0415

    running = out / RUNNING
    begun = On.LOCAL if holds_state(running) else On.RAY if begun_on_ray(running) else None
    on = execution.choose(begun=begun)
    require_same_place(f"fit {out}", begun, on)
    execute: Fitter = on_ray("fit", execution) if on is On.RAY else fit_here
    schedule = schedule_of(settings, images)
    finished = partial(read_results, out, FitEpoch)
    forget_parts(out)
    splits = {split: len(members) for split, members in images.splits.items()}
    progress.say(begin_line(splits, settings.epochs, schedule.steps, len(finished()), on_ray=on is On.RAY))
    display = StepDisplay(out, settings.batch, progress)
    with epochs_said(finished, settings.epochs, _say(settings, progress), display):
        folder = execute(settings, out)
    state = fitted_weights(folder)
    forget_warm_start(out)
    if publish:
        write_warm_start(settings, images.classes, state, out)
    return write_fitted(settings, images.classes, schedule, state, key, out)


def _publish_finished(settings: FitSettings, out: Path) -> None:
    """Publish a fit that has finished, from the checkpoints that it kept; raises OptionError if it kept none."""
    if (out / WARM_START_FILE).exists():
        return
    from raypp.detect.training_state import holds_state  # noqa: PLC0415 - needs torch
    from raypp.fit.warm_start import write_warm_start  # noqa: PLC0415
    from raypp.fit.worker import fitted_weights  # noqa: PLC0415

    if not holds_state(out / RUNNING):
        raise OptionError(f"`publish`: fit {out} has finished, and kept nothing unsealed; fit into another `out`")
    classes = read_images(settings.data).classes
    write_warm_start(settings, classes, fitted_weights(out / RUNNING), out)


def _card(
    settings: FitSettings, images: ImageDataset | None, spec: LearnedSpec, out: Path, key: VeilKey
) -> FitCard | None:
    """Make the card of a fit that has ended; None where its images cannot be read any more."""
    try:
        images = images or read_images(settings.data)
    except RayppError:
        return None
    network = EncoderNetwork(open_encoder(out / ENCODER_FILE, spec, key))
    card = make_card(settings, images, read_results(out, FitEpoch)[-1], network)
    write_card(card, out)
    return card


def _fitted_spec(encoder: Path, key: VeilKey) -> LearnedSpec:
    """The spec of a finished fit; raises SpecError if its encoder was sealed under another key."""
    spec, _ = spec_and_encoder(encoder)
    if not isinstance(spec, LearnedSpec):
        raise SpecError(f"{encoder} is no encoder file of raypp; fit into another `out`")
    open_encoder(encoder, spec, key)
    return spec


def fit_plan_lines(settings: FitSettings) -> Iterator[str]:
    """Word what would be fitted.

    Raises:
        OptionError, SpecError, LabelError: if it cannot be done as asked.
    """
    settings.check()
    check_warm_start(settings)
    spec, images = settings.spec("0" * 32), read_images(settings.data)
    counts = ", ".join(f"{len(members)} {split}" for split, members in images.splits.items())
    size = packed_size(spec.channels * (settings.size // spec.patch) ** 2, spec.bits)
    steps = schedule_of(settings, images).steps
    yield f"begins from   {settings.warm_start or settings.weights}"
    yield f"images        {images.name}: {counts}, {len(images.classes)} classes"
    yield (
        f"veil          cells of {spec.patch}x{spec.patch} pixels, {spec.channels} values of {spec.bits} bits; "
        f"a square frame of {settings.size} pixels takes {size / 1e3:.1f} kB before compression"
    )
    yield (
        f"would take    {settings.epochs} epochs of {steps} steps, after {settings.warm_up} of warm-up, against "
        f"{len(settings.adversaries)} adversaries"
    )
    yield "dry run: nothing was written"


def fit_summary_lines(summary: FitSummary, kept: Path | None = None) -> Iterator[str]:
    """Word what a fit left: what the veil keeps, shows, takes and costs, and where it lies.

    Args:
        summary: of the fit.
        kept: folder of checkpoints that stay, unsealed; None where none do.
    """
    last, card = summary.last, summary.card
    yield f"fitted        {last.epoch} epochs in {summary.seconds:.0f} s"
    if card:
        yield (
            f"on            {card.dataset}: {card.images} images of {card.classes} classes, in squares of "
            f"{card.size} pixels"
        )
    yield f"keeps         mAP50 {last.map50:.3f}, mAP50-95 {last.map50_95:.3f}; `raypp compare` sets it beside plain"
    yield (
        f"shows         the adversaries' best: detail {last.detail:.2f}, tone {last.tone:.2f}; `raypp audit` attacks "
        "for longer"
    )
    if card:
        yield (
            f"takes         {card.frame_bytes / 1e3:.1f} kB a frame ({card.bits:.2f} bits a value), "
            f"{card.of_files:.2f} of the images' files"
        )
        yield (
            f"holds         {card.coded_bits:,.0f} bits a frame after an ideal coder with contexts, "
            f"{card.coded_bits_per_pixel:.2f} a pixel"
        )
        yield (
            f"costs         {card.encode_ms:.1f} ms to encode a frame on one core, {card.of_decoding:.2f} of decoding "
            "and resizing it"
        )
    stays = "sealed, but published below: veil nothing with it" if summary.warm_start else "sealed; stays inside"
    yield f"encoder       {summary.encoder} ({summary.encoder_bytes / 1e3:.0f} kB, {stays})"
    yield f"start         {summary.start} (goes to who trains)"
    yield f"veil          {summary.veil_id}"
    if summary.warm_start:
        yield f"warm start    {summary.warm_start} (encoder and detector, unsealed; yours to hand on)"
    if kept:
        yield f"checkpoints   {kept} (encoder and adversaries, unsealed; stay inside)"


def _say(settings: FitSettings, progress: Progress) -> Callable[[FitEpoch, str], None]:
    """Return the function that tells an epoch."""

    def say(result: FitEpoch, left: str) -> None:
        progress.say(
            f"epoch {result.epoch}/{settings.epochs}: box {result.box_loss:.3f}, class {result.cls_loss:.3f}, "
            f"dfl {result.dfl_loss:.3f}; adversaries: detail {result.detail:.2f}, tone {result.tone:.2f}; "
            f"{result.bits:.2f} bits a value; mAP50 {result.map50:.3f}, mAP50-95 {result.map50_95:.3f}"
            f"{left}"
        )

    return say


def _as_begun(settings: FitSettings, stored: Path) -> FitSettings:
    """Go on with the seed 0 that a fit of an older raypp has: it stated that where the command stated none."""
    try:
        begun = read_json(read_content(stored, _MOST_SETTINGS_BYTES))
    except ContentError:
        return settings  # it begins here, or is refused as damaged next
    older = settings.seed is None and isinstance(begun, dict) and begun.get("seed") == 0
    return settings.model_copy(update={"seed": 0}) if older else settings
