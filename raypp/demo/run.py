"""The demo: sample -> fit -> veil -> verify -> image -> attacks -> detector -> image -> service -> reports."""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np

from raypp.demo.image import Pair, draw, draw_detected
from raypp.demo.workshop.sample import Sample, make_sample
from raypp.errors import RayppError
from raypp.execution import ExecutionSettings
from raypp.geometry.letterbox import Letterbox
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.ingest.summary import VeilSummary, veil_summary_lines
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.progress import Progress
from raypp.shards.reader import ShardReader
from raypp.shards.verification import verify
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.packing import unpack
from raypp.veil.view import component_view

IMAGE_FILE = "veiled.png"
DETECTED_FILE = "detected.png"
_SIZE = 320
"""Small, so that a detector learns in minutes on two cores."""
_RATE = Fraction(10)
"""All that the sample's cameras take: a hammer that swings in time with 5 frames/s seems to lie."""


@dataclass(frozen=True)
class DemoOptions:
    """Options of a demo.

    Attributes:
        out: folder of all that it makes.
        seed: of the sample.
        seconds: length of each video.
        learns: whether it goes on to attack the veil, train a detector and serve it.
    """

    out: Path
    seed: int
    seconds: float
    learns: bool = True


def run_demo(options: DemoOptions, execution: ExecutionSettings, progress: Progress) -> VeilSummary:
    """Make a sample under a fresh key, fit a veil, veil, verify and attack; train a detector on codes, and serve it.

    Args:
        options: what to make.
        execution: where to fit, veil, attack and train.
        progress: is told what is done.

    Returns:
        The summary of what was veiled.

    Raises:
        RayppError: if the archive does not verify.
    """
    started = perf_counter()
    sample = _sample(options, progress)
    size = sum(video.path.stat().st_size for video in sample.videos)
    progress.say(f"sample        {len(sample.videos)} videos in {sample.root}, {size / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory(prefix="raypp-demo-") as folder:
        key_path = Path(folder, "owner.key")
        key = VeilKey.generate()
        save_owner_key(key, key_path)
        number = _free_number(options.out)
        settings = _settings(options, number, key_path)
        if not options.learns:
            summary = _veil(sample, [str(sample.inventory)], settings, options, execution, progress)
            progress.say("To go on, fit a veil, train a detector and serve it, install raypp[cluster].")
            return summary
        from raypp.demo.fitted_veil import IMAGES, fit_veil  # noqa: PLC0415 - needs torch

        fitted = fit_veil(
            options.out.absolute() / f"fitted-{number}", options.seed, key_path, _SIZE, execution, progress
        )
        _say_time(started, progress)
        fitted_to = {"spec": fitted.spec, "encoder_path": fitted.encoder, "site": IMAGES}
        settings = settings.model_copy(update=fitted_to)
        sources = [str(sample.inventory), str(fitted.stills)]
        summary = _veil(sample, sources, settings, options, execution, progress)
        _audit(sample, settings, fitted.start, options, execution, progress)
        _say_time(started, progress)
        run = _train_and_draw(sample, settings, fitted.start, options, execution, progress)
        _say_time(started, progress)
        _stream(sample, settings, key, run, Path(folder), progress)
        _show_halls(options, run, progress)
    progress.say(f"{perf_counter() - started:.0f} s in all")
    return summary


def _say_time(started: float, progress: Progress) -> None:
    progress.say(f"              ({perf_counter() - started:.0f} s so far)")


def _veil(
    sample: Sample,
    sources: list[str],
    settings: VeilSettings,
    options: DemoOptions,
    execution: ExecutionSettings,
    progress: Progress,
) -> VeilSummary:
    """Veil sources, verify what came of it, and draw the videos; raises RayppError if it does not verify."""
    summary = run_veil(settings, sources, execution, progress)
    for line in veil_summary_lines(summary):
        progress.say(line)
    report = verify(settings.out)
    if report.problems:
        raise RayppError(f"the demo's archive does not verify: {report.problems[0]}; this is a bug in raypp")
    labels = ", ".join(report.label_versions)
    progress.say(f"verified      {report.shards} shards, {report.frames} frames, labels {labels}")
    image = options.out / IMAGE_FILE
    _draw(sample, settings, summary, image)
    progress.say(f"look at       {image}")
    return summary


def _audit(
    sample: Sample,
    settings: VeilSettings,
    start: Path,
    options: DemoOptions,
    execution: ExecutionSettings,
    progress: Progress,
) -> None:
    """Attack the veil on the sample, as others do and as who trains: from the published start; say what came of it."""
    progress.say("opening       attacks and images: ten seconds, or more where much runs")
    from raypp.audit.core.budget import Budget  # noqa: PLC0415
    from raypp.audit.run import audit_summary_lines as audit_lines  # noqa: PLC0415
    from raypp.audit.run import run_audit  # noqa: PLC0415 - needs torch
    from raypp.audit.settings import AuditSettings  # noqa: PLC0415
    from raypp.demo.fitted_veil import PUBLISHED_START  # noqa: PLC0415

    number = Path(settings.out).name.rpartition("-")[2]
    audited = AuditSettings(
        sources=(str(sample.inventory.absolute()),),
        out=options.out.absolute() / f"audit-{number}",
        key_path=settings.key_path,
        spec=settings.spec,
        encoder=settings.encoder_path,
        model=start,
        weights=PUBLISHED_START,
        size=_SIZE,
        budget=Budget.QUICK,
    )
    for line in audit_lines(run_audit(audited, execution, progress)):
        progress.say(line)


def _stream(sample: Sample, settings: VeilSettings, key: VeilKey, run: Path, place: Path, progress: Progress) -> None:
    """Serve the detector, stream both videos to it, and print what the sites' reports say beside the truth."""
    from raypp.demo.service import DemoSites, stream_sites  # noqa: PLC0415 - needs the ledger's libraries
    from raypp.train.export import write_export  # noqa: PLC0415 - needs torch

    model = run / "tools.model"
    write_export(run, model, force=True)
    out = run.with_name(run.name.replace("detector", "service"))
    sites = DemoSites(sample.videos, key, settings.spec, settings.encoder_path, model, _SIZE, int(_RATE))
    for result in stream_sites(sites, place, out, progress):
        progress.say(
            f"{result.site:<14}{result.observed_s:.0f} s observed; uses of tools: F1@50 {result.score.f1:.2f} "
            f"({result.score.hits} right, {result.score.false_alarms} wrong, {result.score.misses} missed)"
        )
        for tool in sorted(result.used_s.keys() | result.truly_used_s.keys()):
            used_s, true = result.used_s.get(tool, 0.0), result.truly_used_s.get(tool, 0.0)
            progress.say(f"  {tool:<12}used {used_s:5.1f} s, truly {true:5.1f} s")
        progress.say(f"look at       {result.report / 'timeline.png'}")


def _show_halls(options: DemoOptions, run: Path, progress: Progress) -> None:
    """Go on in the ledger of the service with halls whose boxes are exact: the detector above knows no people."""
    from raypp.demo.halls import show_halls  # noqa: PLC0415 - needs the ledger's libraries
    from raypp.demo.service import LEDGER_FILE  # noqa: PLC0415 - likewise

    service = run.with_name(run.name.replace("detector", "service"))
    show_halls(service / "halls", service / LEDGER_FILE, options.seed, progress)


def _train_and_draw(
    sample: Sample,
    settings: VeilSettings,
    start: Path,
    options: DemoOptions,
    execution: ExecutionSettings,
    progress: Progress,
) -> Path:
    """Train on the archive, evaluate on the ends of the videos, and draw; returns the training's folder."""
    from raypp.demo.detector import evaluate, train  # noqa: PLC0415 - needs torch

    number = Path(settings.out).name.rpartition("-")[2]
    run = options.out.absolute() / f"detector-{number}"
    summary = train(settings.out, start, run, execution, progress)
    report, held_out = evaluate(settings.out, Path(summary.detector), run / "report")
    progress.say(
        f"detector      mAP50 {report.scores.map50:.3f}, mAP50-95 {report.scores.map50_95:.3f} on "
        f"{report.scores.samples} held-out frames; trained {summary.seconds:.0f} s on codes alone\n"
        f"report        {run / 'report'}"
    )
    videos = {video.site: video for video in sample.videos}
    plain = [_plain(videos[frame.site].path, settings, frame.timestamp_us) for frame in held_out]
    captions = [f"{frame.site}, {frame.timestamp_us / 1e6:.1f} s: veiled, held out" for frame in held_out]
    image = options.out / DETECTED_FILE
    draw_detected([frame.detected for frame in held_out], plain, captions).save(image)
    progress.say(f"look at       {image}")
    return run


def _sample(options: DemoOptions, progress: Progress) -> Sample:
    root = options.out / "sample"
    fps, sites = 10, 2
    with progress.task("recording a workshop", options.seconds * fps * sites) as advance:
        return make_sample(
            root,
            options.seed,
            sites,
            seconds=options.seconds,
            fps=fps,
            progress=lambda count: advance(count, "", count),
        )


def _free_number(out: Path) -> int:
    """Return a number of its own: each run has a key of its own, so what it leaves lies beside that of earlier ones."""
    number = 1
    while any((out / f"{name}-{number}").exists() for name in ("fitted", "veiled")):
        number += 1
    return number


def _settings(options: DemoOptions, number: int, key_path: Path) -> VeilSettings:
    """Settings of the veiled videos; of the default patch veil, until one is fitted."""
    out = options.out.absolute() / f"veiled-{number}"
    return VeilSettings(
        out=str(out),
        private=out.with_name(f"{out.name}-private"),
        key_path=key_path,
        size=_SIZE,
        fps=_RATE,
        segment_s=10.0,
        shard_mb=1.0,
    )


def _draw(sample: Sample, settings: VeilSettings, summary: VeilSummary, path: Path) -> None:
    """Draw one frame of each video beside its codes; the view is made from all frames of its site."""
    reader = ShardReader(settings.out)
    header = reader.header
    by_site: dict[str, dict[int, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]] = {}
    for batch in reader.iterate(["site", "timestamp_us", "code", "width", "height"]):
        for row in batch.rows.to_pylist():
            window = Letterbox(header.size, header.patch, row["width"], row["height"])
            code = unpack(row["code"], (header.channels, window.rows, window.columns), header.bits)
            by_site.setdefault(row["site"], {})[row["timestamp_us"]] = code
    pairs, views = [], []
    for video in sample.videos:
        codes = by_site[video.site]
        moment = sorted(codes)[len(codes) // 2]
        pixels = _plain(video.path, settings, moment)
        caption = f"{video.site} {video.camera}, {moment / 1e6:.1f} s: plain frame, stays inside the perimeter"
        pairs.append(Pair(pixels, codes[moment], caption))
        order = list(codes)
        views.append(component_view(list(codes.values()))[order.index(moment)])
    per_frame = summary.shard_bytes / summary.frames / 1e3
    share = summary.veil_core_s / max(summary.decode_core_s, 1e-9)
    title = (
        f"veil {summary.veil_id[:8]}: {summary.frames} frames, {per_frame:.1f} kB each, "
        f"{summary.frames_per_s:.0f} frames/s; veiling took {share:.2f} of the time of decoding"
    )
    draw(pairs, views, title).save(path)


def _plain(path: Path, settings: VeilSettings, moment: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    stream = open_source(str(path))
    try:
        info = probe(stream)
        box = Letterbox(settings.size, settings.spec.patch, info.width, info.height)
        bounds = (moment, moment + 1)
        return next(decode(stream, info, *bounds, settings.sampling, box, None, report=DecodeReport())).pixels
    finally:
        stream.close()
