"""A detector trained on veiled benches, on benches it never saw: `python -m tests.accept.trained OUT`.

What the whole chain finds is set against the sample's script: films are made, veiled and split, a detector is trained
and exported by the commands of users; on films of other seeds it is given veiled frames, and the fold makes uses of
what it finds. What was done is not done again when it is run again.
"""

import argparse
import json
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from statistics import mean

from raypp.demo.sample import Sample, SampleVideo, make_sample
from raypp.demo.site_settings import site_settings
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.geometry import Letterbox
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from raypp.shards.labels import list_versions
from raypp.shards.store import Store
from raypp.usage.episode import StreamName
from raypp.usage.metrics import Segment, SegmentalF1, duration_error, segmental_f1
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.veil.keyfile import load_owner_key
from raypp.veil.veil import Veil
from tests.command import succeed
from tests.usage.benches import make_bench_truth, true_uses
from tests.usage.seen import fold

_TRAIN_SEED, _TEST_SEED = 5000, 11
_FPS = 10
_SPLIT = "split"
"""Its label version is written last, whole or not at all: where it is, films are veiled and split."""


def main() -> None:
    """Make, train, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.trained", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--benches", type=int, default=16, help="films to train on")
    parser.add_argument("--seconds", type=float, default=30, help="length of each")
    parser.add_argument("--rate", type=int, default=5, help="frames a second to train on")
    parser.add_argument("--size", type=int, default=320, help="side of the square, in pixels")
    parser.add_argument("--model", default="yolov8p", help="architecture")
    parser.add_argument("--weights", type=Path, help="public weights to start from")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--spec", type=Path, help="veil spec (default: the default veil)")
    parser.add_argument("--test-benches", type=int, default=8, help="films to measure on, of one minute")
    options = parser.parse_args()
    model, key = trained(options)
    total, errors = SegmentalF1(0, 0, 0), []
    for number in range(options.test_benches):
        film = filmed(options.out / f"test-{number}", _TEST_SEED + number, 1, 60.0).videos[0]
        found = uses(film, model, key, options.size)
        truth = true_uses(make_bench_truth(_TEST_SEED + number, 60).script)
        score = segmental_f1(found, truth, 0.5)
        total += score
        if score.hits:
            errors.append(duration_error(found, truth))
        print(f"bench {number}: {score}", flush=True)
    result = {"f1_50": total.f1, "hits": total.hits, "false_alarms": total.false_alarms, "misses": total.misses}
    result |= {"mean_duration_error_s": mean(errors) if errors else None}
    print(json.dumps(result))


def filmed(place: Path, seed: int, benches: int, seconds: float) -> Sample:
    """Film benches, each at a site of its own."""
    return make_sample(place, seed, sites=benches, seconds=seconds, fps=_FPS)


def trained(options: argparse.Namespace) -> tuple[Path, Path]:
    """Train a detector on veiled films; returns its bundle and the owner's key."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    key, veiled, run, model = out / "owner.key", out / "veiled", out / "run", out / "tools.model"
    if not key.exists():
        succeed("keygen", "--out", key)
    if not (out / "train" / "inventory.csv").exists():
        filmed(out / "train", _TRAIN_SEED, options.benches, options.seconds)
    if _SPLIT not in list_versions(Store(str(veiled))):
        spec = ("--spec", options.spec) if options.spec else ()
        succeed(
            "veil", out / "train" / "inventory.csv", "--out", veiled, "--key", key, "--size", options.size,
            "--fps", options.rate, "--time-from", "name:%Y%m%d_%H%M%S", "--workers", 1, *spec,
        )  # fmt: skip
        succeed("split", veiled, "--name", _SPLIT, "--by", "source", "--val", 0.1)
    if not model.exists():
        weights = ("--weights", options.weights) if options.weights else ()
        train = (
            "train", veiled, "--out", run, "--labels", _SPLIT, "--model", options.model, "--epochs", options.epochs,
            "--batch", 16, "--nominal-batch", 16, *weights,
        )  # fmt: skip
        print(succeed(*train, timeout=4 * 3600).stdout[-2000:], flush=True)
        succeed("export", run, "--out", model)
    return model, key


def uses(film: SampleVideo, model: Path, key: Path, size: int) -> list[Segment]:
    """Veil a film, detect, fold."""
    detector = BundleDetector.load(model, DetectionSettings())
    spec = detector.about.spec
    encoder = Veil(spec, load_owner_key(key)).stream(film.site, film.camera)
    seen = []
    sampling = Sampling(SamplingMode.RATE, Fraction(_FPS))
    with closing(open_source(str(film.path))) as stream:
        info = probe(stream)
        box = Letterbox(size, spec.patch, info.width, info.height)
        for frame in decode(stream, info, 0, 1 << 62, sampling, box, None, report=DecodeReport()):
            block = FrameBlock(encoder.encode(frame.pixels[None]), encoder.sub_key, info.width, info.height)
            ((found,),) = detector.detect([block])
            seen.append(SeenFrame(len(seen), frame.timestamp_us, Observation.OBSERVED, found))
    rules, name = SiteSettings.parse(site_settings(film.site), "demo"), StreamName(film.site, film.camera, 1)
    _, ledger = fold(rules, [seen], stream=name, classes=detector.about.classes)
    return [Segment(tool, start, end) for tool, _, start, end, _ in ledger.rows()]


if __name__ == "__main__":
    main()
