"""Deviations that a detector trained on veiled benches finds: `python -m tests.accept.procedures OUT --weights FILE`.

As `tests.accept.trained`, for procedures: on benches that the detector never saw parts are worked on as prescribed, or
not. Their videos are veiled and detected on, the fold makes uses of what is found, executions are found in the uses,
and each is compared with its procedure. The same is done with exact boxes. What was done is not done again.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from raypp.demo.procedures import SITE, PlantedDeviation, ProcedureBench
from raypp.demo.site_settings import BENCH, MovingTools, procedure_site_settings
from raypp.demo.workshop.compliance import make_procedure_camera
from raypp.demo.workshop.procedure import PlannedBench, deal_kinds
from raypp.demo.workshop.recording import PlannedVideo, record_all
from raypp.demo.workshop.render import Camera
from raypp.demo.workshop.tools import BENCH_CLASSES
from raypp.usage.episode import StreamName
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from tests.accept.stills import make_procedure_stills, seen_of
from tests.accept.trained import loaded, options_of, trained, veiled_frames
from tests.procedure.scoring import Score, score
from tests.usage.benches import SIZE
from tests.usage.seen import fold

_FIT_FROM, _TRAIN_FROM = 0, 5000
"""Numbers of the first benches to train on."""
_SEEDS = {"develop": 9500, "judge": 9000}
"""Benches to choose parameters on, and to judge on."""
_FPS = 10
"""At 5, hammers that swing in time with the camera seem to lie."""
_MOVING = MovingTools(min_shift=0.008, min_confidence=0.35, max_gap_s=1.0)
"""Chosen on twenty benches of `develop`."""
_STREAM = StreamName(SITE, BENCH, 1)


def main() -> None:
    """Make, fit, train, measure, print."""
    parser = options_of("procedures", __doc__)
    parser.add_argument("--deviations", type=int, default=200, help="planted ones, on as many benches as it takes")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each video")
    parser.add_argument("--seeds", choices=_SEEDS, default="judge")
    parser.set_defaults(fit_stills=1200, stills=3600, size=320, patch=8, fit_epochs=12, hide=2.0, epochs=12)
    options = parser.parse_args()
    detector, veil = loaded(*trained(options, make_procedure_stills, _FIT_FROM, _TRAIN_FROM))
    assert detector.about.classes == BENCH_CLASSES, detector.about.classes
    settings = SiteSettings.parse(procedure_site_settings(SITE, _MOVING), "settings of the benches")
    exact, detected = Score(), Score()
    planted = executions = number = 0
    while planted < options.deviations:
        eye, plan = _bench(_SEEDS[options.seeds], number, options.seconds)
        video = _video(options.out / f"{options.seeds}-{number}", eye, options.seconds)
        true_frames = [
            SeenFrame(index, round(index / _FPS * 1e6), Observation.OBSERVED, tuple(seen_of(eye, index / _FPS)))
            for index in range(round(options.seconds * _FPS))
        ]
        score(_judged(settings, plan, true_frames), exact)
        score(_judged(settings, plan, veiled_frames(video, _STREAM, detector, veil, options.size)), detected)
        executions += len(plan.executions)
        planted += sum(len(execution.planted) for execution in plan.executions)
        print(f"bench {number}: {detected.hits.total()} of {planted} found, {_false(detected)} false", flush=True)
        number += 1
    print(
        json.dumps(
            {"executions": executions, "true_boxes": _figures(exact, planted), "detector": _figures(detected, planted)}
        )
    )


def _bench(seed: int, number: int, seconds: float) -> tuple[Camera, PlannedBench]:
    return make_procedure_camera(seconds, deal_kinds(seed, number), np.random.default_rng([seed, number]))


def _video(folder: Path, eye: Camera, seconds: float) -> Path:
    """Record a bench; a video whose truth lies beside it is whole, and kept."""
    planned = PlannedVideo(folder, BENCH, datetime(2026, 11, 2, tzinfo=UTC), eye, seconds, ())
    if not planned.path.with_suffix(".timeline.csv").exists():
        record_all([planned], _FPS, SIZE, None)
    return planned.path


def _judged(settings: SiteSettings, plan: PlannedBench, frames: list[SeenFrame]) -> ProcedureBench:
    """Put a bench's truth beside what the fold makes of what was seen."""
    _, ledger = fold(settings, [frames], stream=_STREAM, classes=BENCH_CLASSES)
    return ProcedureBench(
        settings,
        tuple(ledger.episodes.values()),
        tuple(ledger.stretches.values()),
        plan.executions,
        frames[-1].timestamp_us,
    )


def _false(score: Score) -> int:
    return score.false.total() + score.strays


def _figures(score: Score, planted: int) -> dict[str, object]:
    hits, false = score.hits.total(), _false(score)
    return {
        "planted": planted,
        "found": hits,
        "false": false,
        "false_share": false / max(hits + false, 1),
        "executions_lost": score.lost,
        "found_false_missed": {
            kind.value: [score.hits[kind], score.false[kind], score.misses[kind]] for kind in PlantedDeviation
        },
    }


if __name__ == "__main__":
    main()
