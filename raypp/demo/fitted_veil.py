"""The demo's veil: fitted by the owner, from a start that comes with raypp, to an archive of images of many benches."""

from dataclasses import dataclass
from pathlib import Path

from raypp.demo.workshop.stills import MOMENTS, draw_archive
from raypp.detect.warm_start_header import read_warm_start_header
from raypp.execution import ExecutionSettings
from raypp.fit.adversary_shape import AdversaryShape
from raypp.fit.run import fit_summary_lines, run_fit
from raypp.fit.settings import FitSettings
from raypp.progress import Progress
from raypp.text.wording import counted
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.spec import VeilSpec

PUBLISHED_START = Path(__file__).with_name("benches.safetensors")
"""Warm start of fits to drawn benches; `python -m tests.accept.bench_start` makes it of benches that no demo draws."""
IMAGES = "archive"
"""Site of the veiled images, which come from no camera of a site."""
_TRAIN_BENCHES, _VAL_BENCHES = 100, 15
_WARM_UP, _EPOCHS, _BATCH = 8, 3, 8
"""The warm-up teaches the adapter codes that a rotation of this fit's own turned. More epochs at the rate that a fit
begins with would undo what the start knows."""


@dataclass(frozen=True)
class FittedVeil:
    """A veil that was fitted.

    Attributes:
        spec: its spec.
        encoder: its encoder file, sealed under the owner's key.
        start: the detector that trainings on it start from.
        stills: the plain images that it was fitted on; they stay inside.
    """

    spec: VeilSpec
    encoder: Path
    start: Path
    stills: Path


def fit_veil(
    out: Path, seed: int, key_path: Path, size: int, execution: ExecutionSettings, progress: Progress
) -> FittedVeil:
    """Draw an archive of images, unless it is there, and fit a veil to it.

    Args:
        out: folder of the fit; the images lie beside it.
        seed: of the images.
        key_path: the owner's key.
        size: side of the square, in pixels.
        execution: where to fit.
        progress: is told each epoch.
    """
    stills = out.with_name(f"stills-{seed}")
    benches = _TRAIN_BENCHES + _VAL_BENCHES
    if not (stills / "data.yaml").exists():
        with progress.task("drawing an archive of images", benches * MOMENTS) as advance:
            draw_archive(stills, seed, _TRAIN_BENCHES, _VAL_BENCHES, lambda count: advance(count, "", count))
    progress.say(f"archive       {benches * MOMENTS} labelled images of {counted(benches, 'other bench')} in {stills}")
    start = read_warm_start_header(PUBLISHED_START)
    settings = FitSettings(
        data=str(stills.absolute()),
        warm_start=PUBLISHED_START,
        architecture=start.architecture,
        patch=start.patch,
        channels=start.channels,
        bits=start.bits,
        size=size,
        epochs=_EPOCHS,
        batch=_BATCH,
        adversaries=(AdversaryShape.NAMES,),
        warm_up=_WARM_UP,
    )
    summary = run_fit(settings, out, key_path, execution, progress)
    for line in fit_summary_lines(summary):
        progress.say(line)
    return FittedVeil(spec_and_encoder(Path(summary.encoder))[0], Path(summary.encoder), Path(summary.start), stills)
