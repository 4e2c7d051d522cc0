"""A veil fitted to an archive of other benches, for the demo's videos: `python -m tests.accept.archive_veil OUT`.

A plant has labelled images of many benches. It fits a veil to them, from plain weights (`bench_weights`), veils them
and the demo's two videos, and trains a detector on the codes of the images and of the first three quarters of each
video. Uses of tools are then judged as the demo judges them, at 10 frames/s, for some settings of the rules. What was
done is not done again.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

from raypp.demo.site_settings import MovingTools, sample_site_settings
from raypp.demo.workshop.sample import SampleVideo, make_sample
from raypp.demo.workshop.stills import draw_archive
from raypp.demo.workshop.tools import CLASSES
from raypp.execution import ExecutionSettings, On
from raypp.fit.adversary_shape import AdversaryShape
from raypp.fit.run import run_fit
from raypp.fit.settings import FitSettings
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.progress import LineProgress
from raypp.serving.detector import BundleDetector
from raypp.shards.labels import list_versions, read_labels, write_labels
from raypp.shards.reader import ShardReader
from raypp.text.split_names import TRAIN, VAL
from raypp.train.export import write_export
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings
from raypp.usage.episode import StreamName
from raypp.usage.metrics import LabelledSpan, SegmentalF1, segmental_f1
from raypp.usage.observation import SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.usage.true_uses import true_spans
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.accept.trained import loaded, veiled_frames
from tests.ending import interrupt_on_sigterm
from tests.usage.seen import fold

_ARCHITECTURE, _SIZE, _BATCH = "yolov8p", 320, 8
_SECONDS, _FPS = 30.0, 10
_IMAGES, _SPLIT_NAME = "archive", "judged"
_VAL_SHARE, _GAP_US = 0.25, 1_000_000
"""Share of each video, its end, that is held out; and what lies before it, in neither."""
_SHIFTS, _CONFIDENCES = (0.006, 0.008, 0.010, 0.014, 0.018), (0.25, 0.4, 0.5)
_HERE = ExecutionSettings(on=On.LOCAL)
_PROGRESS = LineProgress(lambda line: print(line, flush=True))


def main() -> None:
    """Draw, fit, veil, train, judge, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.archive_veil", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--weights", type=Path, required=True, help="plain weights of a yolov8p")
    parser.add_argument("--seed", type=int, default=0, help="of the archive, and of the demo's videos")
    parser.add_argument("--unseen", type=int, nargs="*", default=[], help="seeds of other videos, to judge alone")
    parser.add_argument("--benches", type=int, default=280, help="of the archive, three images of each")
    parser.add_argument("--fit-epochs", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3, help="of the training on codes")
    options = parser.parse_args()
    out: Path = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    key, images = out / "owner.key", out / "stills"
    if not key.exists():
        save_owner_key(VeilKey.generate(), key)
    if not (images / "data.yaml").exists():
        draw_archive(images, options.seed, options.benches, 15)
    encoder, start = _fit(options, images, key)
    videos = make_sample(out / f"sample-{options.seed}", options.seed, seconds=_SECONDS, fps=_FPS)
    archive = _veil(out, [str(videos.inventory), str(images)], key, encoder)
    model = _train(options, archive, start)
    detector, veil = loaded(model, encoder, key)
    for seed in (options.seed, *options.unseen):
        for video in make_sample(out / f"sample-{seed}", seed, seconds=_SECONDS, fps=_FPS).videos:
            seen = veiled_frames(video.path, StreamName(video.site, video.camera, 1), detector, veil, _SIZE)
            scores = {named: round(score.f1 or 0.0, 2) for named, score in _judged(video, seen, detector)}
            print(f"seed {seed}, {video.site}: {json.dumps(scores)}", flush=True)


def _fit(options: argparse.Namespace, images: Path, key: Path) -> tuple[Path, Path]:
    """Fit the veil; returns its encoder file, and the detector that trainings start from."""
    settings = FitSettings(
        data=str(images),
        weights=options.weights.absolute(),
        architecture=_ARCHITECTURE,
        size=_SIZE,
        epochs=options.fit_epochs,
        batch=_BATCH,
        nominal_batch=_BATCH,
        adversaries=(AdversaryShape.NAMES,),
        warm_up=1,
    )
    summary = run_fit(settings, options.out.absolute() / "fitted", key, _HERE, _PROGRESS)
    return Path(summary.encoder), Path(summary.start)


def _veil(out: Path, sources: list[str], key: Path, encoder: Path) -> str:
    """Veil videos and images into one archive, with one label version; returns it."""
    settings = VeilSettings(
        out=str(out / "veiled"),
        key_path=key,
        spec=spec_and_encoder(encoder)[0],
        encoder_path=encoder,
        size=_SIZE,
        fps=Fraction(_FPS),
        site=_IMAGES,
        segment_s=10.0,
        shard_mb=1.0,
    )
    run_veil(settings, sources, _HERE, _PROGRESS)
    reader = ShardReader(settings.out)
    if _SPLIT_NAME not in list_versions(reader.store):
        _write_split(reader)
    return settings.out


def _write_split(reader: ShardReader) -> None:
    """Write one label version of images and videos, in which all is to train on but the end of each video."""
    moments = {
        row["sample_id"]: (row["site"], row["timestamp_us"])
        for batch in reader.iterate(["sample_id", "site", "timestamp_us"])
        for row in batch.rows.to_pylist()
    }
    ends: dict[str, int] = {}
    for site, moment in moments.values():
        ends[site] = max(moment, ends.get(site, 0))
    tables = [read_labels(reader.store, name) for name in list_versions(reader.store)]
    rows = []
    for names, row in ((table.classes, row) for table in tables for row in table.rows):
        site, moment = moments[row.sample_id]
        boxes = tuple(replace(box, class_id=CLASSES.index(names[box.class_id])) for box in row.boxes)
        held_out_from = (1 - _VAL_SHARE) * ends[site]
        if site == _IMAGES or moment < held_out_from - _GAP_US:
            rows.append(replace(row, split=TRAIN, boxes=boxes))
        elif moment >= held_out_from:
            rows.append(replace(row, split=VAL, boxes=boxes))
    write_labels(reader.store, _SPLIT_NAME, CLASSES, tables[0].veil_id, rows)


def _train(options: argparse.Namespace, archive: str, start: Path) -> Path:
    """Train on codes; returns the detector's bundle."""
    run, model = options.out.absolute() / "run", options.out.absolute() / "tools.model"
    settings = TrainSettings(
        archive=archive,
        out=run,
        labels_version=_SPLIT_NAME,
        architecture=_ARCHITECTURE,
        weights=start,
        epochs=options.epochs,
        batch=_BATCH,
        nominal_batch=_BATCH,
    )
    run_training(settings, _HERE, _PROGRESS)
    if not model.exists():
        write_export(run, model, force=True)
    return model


def _judged(video: SampleVideo, seen: list[SeenFrame], detector: BundleDetector) -> Iterator[tuple[str, SegmentalF1]]:
    """Fold what was seen by several rules, and match the uses with the truth; the demo's own rule is 0.014, 0.25."""
    name, truth = StreamName(video.site, video.camera, 1), true_spans(video.timeline_path)
    for shift, confidence in product(_SHIFTS, _CONFIDENCES):
        text = sample_site_settings(video.site, MovingTools(min_shift=shift, min_confidence=confidence))
        rules = SiteSettings.parse(text, "archive_veil")
        _, ledger = fold(rules, [seen], stream=name, classes=detector.about.classes)
        uses = [LabelledSpan(tool, start, end) for tool, _, start, end, _ in ledger.rows()]
        yield f"{shift}, {confidence}", segmental_f1(uses, truth, 0.5)


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
