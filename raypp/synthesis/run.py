"""Synthetic veiled frames, from a real archive to one that a generator drew, and the report of both."""

from pathlib import Path
from time import perf_counter

from pydantic import BaseModel, ConfigDict, Field

from raypp.io.atomic import write_text
from raypp.progress import SILENT, Progress
from raypp.shards.labels import list_versions, only_version
from raypp.shards.store import Store
from raypp.synthesis.archive import SyntheticArchive, mixed_labels
from raypp.synthesis.batches import MapDrawer
from raypp.synthesis.frames import read_real_frames
from raypp.synthesis.generator import GeneratorRequest, open_generator
from raypp.synthesis.guard import NearnessGuard
from raypp.synthesis.judging import attack_membership, measure_nearness
from raypp.synthesis.nearness import LearnedFrames
from raypp.synthesis.report import SynthesisReport, report_page
from raypp.synthesis.rows import FrameDrawer
from raypp.synthesis.settings import SynthesisSettings
from raypp.synthesis.training import GeneratorTask
from raypp.synthesis.utility import UtilityTask, measure_utility
from raypp.text.split_names import TRAIN, VAL


class SynthesisSummary(BaseModel):
    """Result of drawing synthetic frames."""

    model_config = ConfigDict(frozen=True)

    archive: str = Field(description="the real archive")
    out: str = Field(description="the synthetic archive")
    generator_folder: str = Field(description="the owner's folder of the generator")
    dry_run: bool
    labels_version: str
    classes: tuple[str, ...]
    train_frames: int = Field(description="real train frames; a tenth of them is kept aside")
    val_frames: int = Field(description="real val frames, which the generator never sees")
    left_out_frames: int = Field(description="real train frames that hold a rare class")
    left_out_classes: tuple[str, ...]
    values: int = Field(description="code values of the first frame")
    parameters: int = Field(description="weights of the generator")
    frames: int = Field(description="synthetic frames")
    mixed_frames: int = Field(description="real frames beside them")
    epoch: int = Field(description="whose weights draw; 0 of a dry run")
    generator: str = Field(description="SHA-256 of its weights; empty of a dry run")
    manifest_digest: str = Field(description="of the synthetic archive; empty of a dry run")
    signed_by: str | None = Field(default=None, description="fingerprint of the key that signed it; none without one")
    seconds: float
    report: SynthesisReport | None = None


def run_synthesis(
    settings: SynthesisSettings,
    report: Path | None = None,
    utility: UtilityTask | None = None,
    progress: Progress = SILENT,
    *,
    dry_run: bool = False,
) -> SynthesisSummary:
    """Train a generator on a real archive, and draw a synthetic one; again to go on after a stop.

    Args:
        settings: what is asked for.
        report: where the report is written as JSON, and beside it as Markdown; None for no report.
        utility: how worth is measured for the report; None to leave it out.
        progress: is told how far it is.
        dry_run: check everything, and write nothing.

    Raises:
        OptionError, LabelError, ShardError, SpecError: if it cannot be done as asked.
        ConflictError: if a folder holds something else.
        KeyFileError: if the key is unreadable, a site's, or not that of the real archive.
    """
    started = perf_counter()
    settings.check()
    store = Store(settings.archive, settings.load_data_key())
    labels_version = settings.labels_version or only_version(settings.archive, list_versions(store))
    real = read_real_frames(settings)
    key = settings.load_key(real.header.public_key)
    mixed = sum(mixed_labels(settings, real).splits.get(name, 0) for name in (TRAIN, VAL)) if settings.mix else 0
    maps = MapDrawer(real.header, len(real.classes))
    task = GeneratorTask(real.train, maps, settings.epochs, settings.batch, settings.seed, settings.amp)
    summary = SynthesisSummary(
        archive=settings.archive,
        out=str(settings.out),
        generator_folder=str(settings.generator_folder),
        dry_run=dry_run,
        labels_version=labels_version,
        classes=real.classes,
        train_frames=len(real.train),
        val_frames=len(real.val),
        left_out_frames=real.left_out[0],
        left_out_classes=real.left_out[1],
        values=int(real.train[0].codes_CRW.size),
        parameters=sum(value.numel() for value in task.network().parameters()),
        frames=settings.frames,
        mixed_frames=mixed,
        epoch=0,
        generator="",
        manifest_digest="",
        seconds=0.0,
    )
    if dry_run:
        return summary
    generator = open_generator(settings.generator_folder, GeneratorRequest.of(settings, real), task, progress)
    layouts = [frame.layout for frame in real.train]
    learned = LearnedFrames.of(task.learned)
    guard = NearnessGuard.of(learned, real.val or task.aside)
    drawer = FrameDrawer(generator, layouts, maps, settings.seed, settings.amp, guard, settings.guidance)
    drawn = SyntheticArchive(settings, real, labels_version, drawer, key)
    manifest, signature = drawn.write(progress)
    written: SynthesisReport | None = None
    if report is not None:
        written = SynthesisReport(
            veil_id=real.header.veil_id,
            dataset_version=real.dataset_version,
            generator=generator.digest,
            manifest=manifest.digest,
            nearness=measure_nearness(settings, labels_version, drawn.header, learned, real),
            membership=attack_membership(generator, task, real, progress),
            utility=measure_utility(settings, labels_version, utility, progress) if utility and real.val else None,
        )
        _write(written, report)
    return summary.model_copy(
        update={
            "epoch": generator.epoch,
            "generator": generator.digest,
            "manifest_digest": manifest.digest,
            "signed_by": signature.fingerprint if signature else None,
            "seconds": perf_counter() - started,
            "report": written,
        }
    )


def _write(report: SynthesisReport, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, report.model_dump_json(indent=1) + "\n")
    write_text(path.with_suffix(".md"), report_page(report))
