"""A detector trained on veiled benches, on benches it never saw: `python -m tests.accept.trained OUT --weights FILE`.

What the whole chain finds is set against the sample's script: images of thousands of benches are made, a veil is
fitted on some, others are veiled, and a detector is trained on those and exported, by the commands of users; on videos
of yet other benches it is given veiled frames, and the fold makes uses of what it finds. What was done is not done
again when it is run again.
"""

import argparse
import json
import shlex
from collections.abc import Callable
from contextlib import closing
from dataclasses import astuple
from fractions import Fraction
from pathlib import Path
from statistics import mean

from raypp.demo.site_settings import MovingTools, sample_site_settings
from raypp.demo.workshop.sample import SampleVideo, make_sample
from raypp.geometry.letterbox import Letterbox
from raypp.io.atomic import write_text
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from raypp.usage.episode import StreamName
from raypp.usage.metrics import LabelledSpan, SegmentalF1, duration_error, segmental_f1
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.keyfile import load_owner_key
from raypp.veil.veil import Veil, open_veil
from tests.accept.stills import make_stills
from tests.command import succeed
from tests.ending import interrupt_on_sigterm
from tests.usage.benches import make_bench_truth, true_uses
from tests.usage.seen import fold

_FIT_SEED, _TRAIN_SEED, _TEST_SEED = 6000, 7000, 100
_FPS, _SECONDS = 10, 60.0
_MOVING = MovingTools(min_shift=0.008, min_confidence=0.5)
"""Chosen on a video of seed 11, which is not among those that are measured."""
_PATIENCE_S = 4 * 3600
_LINES = 2


def main() -> None:
    """Make, fit, train, measure, print."""
    parser = options_of("trained", __doc__)
    parser.add_argument("--benches", type=int, default=8, help="videos to measure on, of one minute")
    parser.set_defaults(fit_stills=1200, stills=3600, size=320, patch=8, fit_epochs=12, hide=2.0, epochs=12)
    options = parser.parse_args()
    model, spec, key = trained(options, make_stills, _FIT_SEED, _TRAIN_SEED)
    detector, veil = loaded(model, spec, key)
    total, errors = SegmentalF1(0, 0, 0), []
    for number in range(options.benches):
        video = make_sample(options.out / f"test-{number}", _TEST_SEED + number, 1, seconds=_SECONDS, fps=_FPS).videos[
            0
        ]
        predicted = uses(video, detector, veil, options.size)
        truth = true_uses(make_bench_truth(_TEST_SEED + number, _SECONDS).script)
        score = segmental_f1(predicted, truth, 0.5)
        total += score
        if score.hits:
            errors.append(duration_error(predicted, truth))
        print(f"bench {number}: {score}", flush=True)
    result: dict[str, float | None]
    result = {"f1_50": total.f1, "hits": total.hits, "false_alarms": total.false_alarms, "misses": total.misses}
    result |= {"mean_duration_error_s": mean(errors) if errors else None}
    print(json.dumps(result))


def options_of(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what a fit and a training are told; whoever uses it sets the numbers."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.accept.{module}", description=description)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--weights", type=Path, required=True, help="public weights to start from (yolov8n.pt)")
    parser.add_argument("--fit-stills", type=int, help="images to fit the veil on, and a tenth beside")
    parser.add_argument("--stills", type=int, help="others to train on, and a tenth to validate")
    parser.add_argument("--variants", type=int, default=1, help="augmented ones veiled of each")
    parser.add_argument("--size", type=int, help="side of the square, in pixels")
    parser.add_argument("--patch", type=int, help="side of a cell of a learned veil, in pixels")
    parser.add_argument("--fit-epochs", type=int)
    parser.add_argument("--hide", type=float, help="how much the veil is fitted to hide")
    parser.add_argument("--fit-with", default="", help="further options of the fit, as one text")
    parser.add_argument("--epochs", type=int, help="of the training on codes; 0: what the fit leaves is taken as it is")
    parser.add_argument("--batch", type=int, default=16, help="images of a step")
    parser.add_argument("--patch-veil", action="store_true", help="the default veil in the place of a learned one")
    return parser


def trained(
    options: argparse.Namespace, make: Callable[[Path, int, int, int], Path], fit_from: int, train_from: int
) -> tuple[Path, Path | None, Path]:
    """Fit a veil, and train a detector on veiled images; returns its bundle, the veil's spec, and the owner's key."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    key, fitted, stills, veiled, run = (out / name for name in ("owner.key", "fitted", "stills", "veiled", "run"))
    spec, start, model = fitted / "encoder.veil", fitted / "start.model", out / "tools.model"
    if not key.exists():
        succeed("keygen", "--out", key)
    as_both = ("--batch", options.batch, "--nominal-batch", options.batch, "--amp")
    if not options.patch_veil and not start.exists():
        seen = out / "fit-stills"
        if not (seen / "data.yaml").exists():
            make(seen, fit_from, options.fit_stills, options.fit_stills // 10)
        _told("fit", seen, "--weights", options.weights, "--key", key, "--out", fitted, "--size", options.size,
              "--patch", options.patch, "--epochs", options.fit_epochs, "--hide", options.hide, *as_both,
              *shlex.split(options.fit_with))  # fmt: skip
    if not options.epochs:
        return start, spec, key
    if not (stills / "data.yaml").exists():
        make(stills, train_from, options.stills, options.stills // 10)
    chosen = ("--variants", options.variants, *(() if options.patch_veil else ("--spec", spec)))
    _told("veil", stills, "--out", veiled, "--key", key, "--size", options.size, *chosen)
    if not model.exists():
        weights = options.weights if options.patch_veil else start
        _told("train", veiled, "--out", run, "--weights", weights, "--epochs", options.epochs, *as_both)
        _told("export", run, "--out", model)
    return model, None if options.patch_veil else spec, key


def loaded(model: Path, spec: Path | None, key: Path) -> tuple[BundleDetector, Veil]:
    """Load a detector and the veil that it reads."""
    veil_spec, encoder = spec_and_encoder(spec)
    return BundleDetector.load(model, DetectionSettings()), open_veil(veil_spec, load_owner_key(key), encoder)


def _told(*arguments: object) -> None:
    """Run a command of users to its end, and print the last lines that it leaves; each goes on where it was stopped."""
    done = succeed(*arguments, timeout=_PATIENCE_S)
    print(*done.stderr.strip().splitlines()[-_LINES:], sep="\n", flush=True)


def uses(video: SampleVideo, detector: BundleDetector, veil: Veil, size: int) -> list[LabelledSpan]:
    """Veil a video, detect, fold."""
    name = StreamName(video.site, video.camera, 1)
    seen = veiled_frames(video.path, name, detector, veil, size)
    rules = SiteSettings.parse(sample_site_settings(video.site, _MOVING), "demo")
    _, ledger = fold(rules, [seen], stream=name, classes=detector.about.classes)
    return [LabelledSpan(tool, start, end) for tool, _, start, end, _ in ledger.rows()]


def veiled_frames(video: Path, name: StreamName, detector: BundleDetector, veil: Veil, size: int) -> list[SeenFrame]:
    """Veil a video's frames, and detect on what is left of them; what a detector found is kept beside the video."""
    kept = video.with_suffix(f".{detector.about.model_id[:16]}-{size}.json")
    if kept.exists():
        return [
            SeenFrame(index, time_us, Observation.OBSERVED, tuple(Detection(*row) for row in rows))
            for index, (time_us, rows) in enumerate(json.loads(kept.read_text()))
        ]
    encoder = veil.stream(name.site, name.camera)
    seen: list[SeenFrame] = []
    sampling = Sampling(SamplingMode.RATE, Fraction(_FPS))
    with closing(open_source(str(video))) as stream:
        info = probe(stream)
        box = Letterbox(size, veil.spec.patch, info.width, info.height)
        for frame in decode(stream, info, 0, 1 << 62, sampling, box, None, report=DecodeReport()):
            block = FrameBlock(encoder.encode(frame.pixels[None]), encoder.sub_key, info.width, info.height)
            ((detections,),) = detector.detect([block])
            seen.append(SeenFrame(len(seen), frame.timestamp_us, Observation.OBSERVED, detections))
    write_text(kept, json.dumps([(frame.timestamp_us, [*map(astuple, frame.detections)]) for frame in seen]))
    return seen


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
