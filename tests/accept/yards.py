"""A detector trained on veiled yards, on yards it never saw: `python -m tests.accept.yards OUT --weights FILE`.

As `tests.accept.trained`, for people and their equipment: images of hundreds of yards are made, a veil is fitted on
some, others are veiled, and a detector is trained on those. Videos of yards that are kept for judging are veiled and
detected on, and the fold makes violations and exposure of what it finds. What was done is not done again.
"""

import json
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import fmean

import av
import numpy as np

from raypp.demo.yard.figure import CLASSES, WIDTH
from raypp.demo.yard.render import SIZE, YardCamera
from raypp.demo.yard.settings import yard_site_settings
from raypp.demo.yard.site import FPS, Seeds, Yard
from raypp.serving.detector import BundleDetector
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.veil.veil import Veil
from tests.accept.trained import loaded, options_of, trained, veiled_frames
from tests.accept.yard_stills import make_yard_stills
from tests.usage.yards import STREAM, Score, folded

_FIT_FROM, _TRAIN_FROM = 0, 2000
"""Numbers of the first yards, among those to train on."""
_CRF = "21"


def main() -> None:
    """Make, fit, train, measure, print."""
    parser = options_of("yards", __doc__)
    parser.add_argument("--yards", type=int, default=8, help="yards to measure on")
    parser.add_argument("--seconds", type=float, default=90.0, help="length of each")
    parser.add_argument("--seeds", choices=[seeds.name for seeds in Seeds], default=Seeds.JUDGE.name)
    parser.add_argument(
        "--tall", type=float, default=1.0, help="how many times as high as usual people are: a nearer camera; up to 1.4"
    )
    parser.set_defaults(fit_stills=800, stills=1600, size=320, patch=4, fit_epochs=5, hide=1.0, epochs=6)
    options = parser.parse_args()
    if options.fit_stills + options.fit_stills // 10 > _TRAIN_FROM - _FIT_FROM:
        parser.error("--fit-stills would reach into the yards to train on; at most 1818")
    make = partial(make_yard_stills, tall=options.tall)
    detector, veil = loaded(*trained(options, make, _FIT_FROM, _TRAIN_FROM))
    seeds, cell = Seeds[options.seeds], veil.spec.patch * WIDTH // options.size
    settings = SiteSettings.parse(yard_site_settings(STREAM.site, cell), "yard")
    true, total = Score(settings), Score(settings)
    for number in range(options.yards):
        yard = Yard.make(seeds, number, options.seconds, cell, options.tall)
        video = make_yard_video(options.out, yard, seeds, number)
        frames = frames_of(video, yard, detector, veil, options.size)
        true.add(yard.frames, folded([frame.frame for frame in yard.frames], settings))
        total.add(yard.frames, folded(frames, settings, detector.about.reliabilities))
        print(f"yard {number}: {total.hits} right, {total.predicted} found, {total.true} true so far", flush=True)
    print(json.dumps({"true_boxes": _figures(true), "detector": _figures(total)}))


def _figures(score: Score) -> dict[str, object]:
    return {
        "f1_50": score.f1,
        "hits": score.hits,
        "found": score.predicted,
        "true": score.true,
        "mean_duration_error_s": fmean(score.duration_errors) if score.duration_errors else None,
        "person_seconds_off": score.errors(),
        "true_found_right": {
            subject: [count, score.predicted_of[subject], score.hits_of[subject]]
            for subject, count in sorted(score.true_of.items())
        },
    }


def make_yard_video(folder: Path, yard: Yard, seeds: Seeds, number: int) -> Path:
    """Write a yard as an H.264 video; one that is there is kept."""
    path = folder / f"{seeds.name.lower()}-{number}-{yard.seconds:g}s.mp4"
    if path.exists():
        return path
    camera = YardCamera(yard.people, np.random.default_rng([seeds.value, number, 1]))
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": _CRF, "preset": "veryfast", "g": str(2 * FPS), "threads": "1"}
        for index, frame in enumerate(yard.frames):
            covered = frame.frame.observation is not Observation.OBSERVED
            image = av.VideoFrame.from_ndarray(camera.image(index, index / FPS, covered=covered), format="rgb24")
            image.pts, image.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    part.rename(path)
    return path


def frames_of(video: Path, yard: Yard, detector: BundleDetector, veil: Veil, size: int) -> list[SeenFrame]:
    """Veil a video and detect on it. When the camera is covered is told, not found: that is not the detector's part."""
    frames = veiled_frames(video, STREAM, detector, veil, size)
    if detector.about.classes != CLASSES or len(frames) != len(yard.frames):
        raise ValueError(
            f"{video} has {len(frames)} frames, the yard {len(yard.frames)}; delete it, and run this again"
        )
    return [
        frame
        if true.frame.observation is Observation.OBSERVED
        else replace(frame, observation=true.frame.observation, detections=())
        for frame, true in zip(frames, yard.frames, strict=True)
    ]


if __name__ == "__main__":
    main()
