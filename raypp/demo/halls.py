"""The demo's end: halls with rules, as a service would have recorded them whose detector finds each box exactly."""

from collections.abc import Iterator
from datetime import UTC
from importlib.util import find_spec
from pathlib import Path

from raypp.demo.beside_truth import HallResult, compare_hall, execution_lines, table
from raypp.demo.floor.camera import LABELLED
from raypp.demo.site_settings import compliance_site_settings
from raypp.demo.workshop.compliance import FLOOR_SHARE, ComplianceSample, ComplianceSite, make_compliance_sample
from raypp.demo.workshop.recording import SampleVideo
from raypp.demo.workshop.tools import BENCH_CLASSES
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.media.sidecar import read_sidecar
from raypp.progress import Progress
from raypp.reports.executions import read_executions
from raypp.reports.request import read_report
from raypp.reports.safety import read_safety
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame

_CLASSES = tuple(dict.fromkeys((*BENCH_CLASSES, *LABELLED)))
_SITES, _SECONDS, _FPS = 2, 30.0, 5


def show_halls(out: Path, ledger_path: Path, seed: int, progress: Progress) -> None:
    """Make halls with rules, record their exact boxes in a ledger, and print its reports beside the truth.

    Args:
        out: folder for the videos and their truth.
        ledger_path: file of the ledger.
        seed: of the sample.
        progress: is told each result.
    """
    with progress.task("recording halls", (1 + FLOOR_SHARE) * _SITES * _SECONDS * _FPS) as advance:
        sample = make_compliance_sample(
            out, seed, _SITES, _SECONDS, _FPS, progress=lambda count: advance(count, "", count)
        )
    progress.say(f"rules         {_SITES} halls in {out}: a procedure at the bench, zones on the floor; exact boxes")
    with Ledger.open(sqlite_url(ledger_path)) as ledger:
        record_truth(ledger, sample)
        results = [read_hall(ledger, site) for site in sample.sites]
    for line in (*execution_lines(results), *table(results)):
        progress.say(f"  {line}")
    unknown = ", ".join(f"{item} {100 * share:.0f} %" for item, share in results[0].cannot_tell.items())
    progress.say(f"  cannot tell whether worn, of the time of people in {results[0].site}: {unknown}")
    if find_spec("pm4py") is None:
        progress.say("  Executions are not looked for: install raypp[process].")
    name, url = results[0].site, sqlite_url(ledger_path)
    progress.say(f"read          `raypp report {name} --safety --ledger {url}`")
    progress.say(f"              `raypp report {name} --procedures --ledger {url}`")


def record_truth(ledger: Ledger, sample: ComplianceSample) -> None:
    """Commit the labels of a sample's videos as detections, with the settings of each site.

    Args:
        ledger: the ledger; it has none of the sites.
        sample: the sample.
    """
    for site in sample.sites:
        ledger.add_site(site.name)
        # a service's model may have recorded streams before, and know no people
        ledger.configure(site.name, compliance_site_settings(site.name), unchecked=True)
        for video in (site.bench, site.floor):
            about = StreamAbout(_CLASSES, model_id="0" * 64, veil_id="0" * 32, live=False)
            epoch_us = round(video.started_at.replace(tzinfo=UTC).timestamp() * 1e6)
            writer = StreamWriter.open(ledger, StreamName(video.site, video.camera, epoch_us), about)
            writer.commit(1, [as_stored(frame) for frame in _frames(video, epoch_us)], last=True)


def read_hall(ledger: Ledger, site: ComplianceSite) -> HallResult:
    """Put what a ledger's reports say of a site beside its truth; executions only where raypp[process] is installed."""
    executions = read_executions(ledger, site.name).executions if find_spec("pm4py") else None
    return compare_hall(site, read_report(ledger, site.name), read_safety(ledger, site.name), executions)


def _frames(video: SampleVideo, epoch_us: int) -> Iterator[SeenFrame]:
    sidecar = read_sidecar(video.labels_path.read_text(), str(video.labels_path))
    for index, (time_us, boxes) in enumerate(zip(sidecar.times_us, sidecar.boxes, strict=True)):
        detections = [
            Detection(
                _CLASSES.index(name), 1.0, box.x - box.w / 2, box.y - box.h / 2, box.x + box.w / 2, box.y + box.h / 2
            )
            for name, box in boxes
        ]
        yield SeenFrame(index, epoch_us + time_us, Observation.OBSERVED, tuple(detections))
