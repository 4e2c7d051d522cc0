"""`python -m benchmarks.drifting --seed N`: planted changes against quiet days, drawn and real, truly veiled.

Each day is a video of one camera: recorded, veiled by `raypp veil`'s own code, and read as an archive. Detections of
drawn cameras are their exact boxes, in a ledger. Tune on other seeds than those that are reported.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import UTC
from fractions import Fraction
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

from benchmarks.drift_days import FIRST_DAY, REAL, SIZE, Change, Day, planned, quiet_days
from raypp.demo.workshop.recording import SampleVideo, record_all, write_inventory
from raypp.demo.workshop.tools import BENCH_CLASSES
from raypp.drift.archive_profiles import PeriodSampling
from raypp.drift.ledger_profiles import DetectionSource
from raypp.drift.period_kind import PeriodKind
from raypp.drift.report import CameraDrift, DriftReport
from raypp.drift.run import Checked, check_drift, make_reference
from raypp.execution import ExecutionSettings, On
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.media.sidecar import read_sidecar
from raypp.progress import SILENT
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

SITE = "plant"
DRAWN = tuple(f"bench-{number}" for number in range(1, 6))
_DRAWN_REFERENCE, _DRAWN_QUIET, _REAL_REFERENCE, _REAL_QUIET, _REAL_DAYS = 12, 7, 8, 5, 15
_CAR, _PERSON, _BOTTLE = REAL
PLANTED = (
    *(Day("bench-1", 20, Change.LAMP), Day(_CAR, 13, Change.LAMP)),
    *(Day("bench-2", 20, Change.LENS), Day(_PERSON, 13, Change.LENS)),
    *(Day("bench-3", 20, Change.PRODUCT), Day(_BOTTLE, 13, Change.PRODUCT)),
    *(Day("bench-4", 20, Change.FOG), Day(_BOTTLE, 14, Change.FOG)),
    *(Day("bench-5", 20, Change.CLASSES), Day("bench-1", 21, Change.CLASSES)),
)


def main() -> None:
    """Print what was caught of the planted changes, and the false alarms of the quiet days."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drifting", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--alpha", type=float, default=0.01)
    parser.add_argument("--keep", type=Path, help="folder in which videos, archives and ledger stay")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = given.keep or Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        measure(root, given.seed, given.alpha)


def measure(root: Path, seed: int, alpha: float) -> None:
    """Make all days, learn the reference, and check the others against it."""
    quiet = [
        *quiet_days(DRAWN, range(_DRAWN_REFERENCE, _DRAWN_REFERENCE + _DRAWN_QUIET)),
        *quiet_days(REAL, range(_REAL_REFERENCE, _REAL_REFERENCE + _REAL_QUIET)),
    ]
    learned = [*quiet_days(DRAWN, range(_DRAWN_REFERENCE)), *quiet_days(REAL, range(_REAL_REFERENCE))]
    reference = root / "drift.npz"
    size, few, cost = _learn(root, seed, learned, reference)
    print(f"reference: {len(learned)} camera-days, {size / 1e3:.0f} kB; left out: {few or 'none'}")
    print(f"           {cost / len(learned) * 1e3:.1f} ms CPU a camera-day, counting and fitting")
    for name, days in (("quiet", quiet), ("planted", PLANTED)):
        archive, ledger = _make(root / name, seed, days)
        begun = process_time()
        reports = [_check(reference, Checked((archive,)), alpha), *_detections(reference, ledger, alpha)]
        cost = (process_time() - begun) / len(days) * 1e3
        print(f"{name}: {len(days)} camera-days, {cost:.1f} ms CPU each, {len(reports)} checks at alpha {alpha:g}")
        _print_days(days, [camera for report in reports for camera in report.checked])


def _learn(root: Path, seed: int, days: Sequence[Day], out: Path) -> tuple[int, list[str], float]:
    archive, path = _make(root / "reference", seed, days)
    begun = process_time()
    with Ledger.open(sqlite_url(path)) as ledger:
        source = Checked((archive,), DetectionSource(ledger, SITE, "2026-03-01", "2026-04-30"))
        _, few, size = make_reference(source, out, PeriodSampling(PeriodKind.DAY, 200, ZoneInfo("UTC")), 0.25)
    return size, few, process_time() - begun


def _check(reference: Path, source: Checked, alpha: float) -> DriftReport:
    return check_drift(reference, source, alpha)


def _detections(reference: Path, path: Path, alpha: float) -> list[DriftReport]:
    with Ledger.open(sqlite_url(path)) as ledger:
        return [_check(reference, Checked((), DetectionSource(ledger, SITE, "2026-03-01", "2026-04-30")), alpha)]


def _print_days(days: Sequence[Day], checked: Sequence[CameraDrift]) -> None:
    alarms = 0
    for day in days:
        date = f"{FIRST_DAY.replace(day=FIRST_DAY.day + day.number):%Y-%m-%d}"
        own = [camera for camera in checked if (camera.camera, camera.period) == (day.camera, date)]
        caught = [camera for camera in own if camera.drifted]
        alarms += bool(caught)
        if day.change or caught:
            p = ", ".join(f"{camera.kind} p {camera.adjusted_p:.1g} ({camera.parts[0].name})" for camera in own)
            print(f"  {'DRIFT ' if caught else '      '} {day.camera} {day.change or 'quiet'}: {p}")
            for camera in caught:
                print(*(f"           {change}" for change in camera.changes), sep="\n")
    print(f"  {alarms} of {len(days)} days drifted")


def _make(folder: Path, seed: int, days: Sequence[Day]) -> tuple[str, Path]:
    """Record and veil days, and commit the exact boxes of the drawn ones; return the archive and the ledger."""
    archive, ledger = folder / "veiled", folder / "ledger.db"
    if (archive / "signature.json").exists() and ledger.exists():
        return str(archive), ledger
    sources = folder / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    videos = record_all([planned(sources, seed, day, _REAL_DAYS) for day in days], 1, SIZE, None)
    _veil(sources, videos, archive, folder.parent / "key" / "owner.key")
    with Ledger.open(sqlite_url(ledger)) as opened:
        opened.add_site(SITE)
        for day, video in sorted(zip(days, videos, strict=True), key=lambda pair: pair[0].number):
            if not day.is_real:
                _commit(opened, video)
    return str(archive), ledger


def _veil(sources: Path, videos: Sequence[SampleVideo], archive: Path, key: Path) -> None:
    key.parent.mkdir(exist_ok=True)
    if not key.exists():
        save_owner_key(VeilKey.generate(), key)
    settings = VeilSettings(out=str(archive), key_path=key, size=320, fps=Fraction(1), time_from="name:%Y%m%d_%H%M%S")
    inventory = write_inventory(sources, videos, BENCH_CLASSES)
    run_veil(settings, [str(inventory)], ExecutionSettings(on=On.LOCAL), SILENT)


def _commit(ledger: Ledger, video: SampleVideo) -> None:
    epoch_us = round(video.started_at.replace(tzinfo=UTC).timestamp() * 1e6)
    about = StreamAbout(BENCH_CLASSES, model_id="0" * 64, veil_id="0" * 32, live=False)
    sidecar = read_sidecar(video.labels_path.read_text(), str(video.labels_path))
    frames = []
    for index, (time_us, boxes) in enumerate(zip(sidecar.times_us, sidecar.boxes, strict=True)):
        detections = tuple(
            Detection(BENCH_CLASSES.index(name), 1.0, *(box.x - box.w / 2, box.y - box.h / 2),
                      *(box.x + box.w / 2, box.y + box.h / 2))
            for name, box in boxes
        )  # fmt: skip
        frames.append(as_stored(SeenFrame(index, epoch_us + time_us, Observation.OBSERVED, detections)))
    writer = StreamWriter.open(ledger, StreamName(SITE, video.camera, epoch_us), about)
    chunks = [frames[first : first + 5] for first in range(0, len(frames), 5)]
    for sequence, chunk in enumerate(chunks, 1):
        writer.commit(sequence, chunk, last=sequence == len(chunks))


if __name__ == "__main__":
    main()
