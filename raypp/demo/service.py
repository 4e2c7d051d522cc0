"""The demo's end: the sample's sites stream their videos through the real service; its reports beside the truth."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from raypp.demo.site_settings import MovingTools, sample_site_settings
from raypp.demo.workshop.recording import SampleVideo
from raypp.errors import RayppError
from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.store import Ledger
from raypp.progress import Progress
from raypp.reports.files import write_files
from raypp.reports.records import latest
from raypp.text.wording import counted
from raypp.usage.episode import Episode
from raypp.usage.metrics import LabelledSpan, SegmentalF1, segmental_f1
from raypp.usage.settings import SiteSettings
from raypp.usage.true_uses import true_spans
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.spec import VeilSpec

LEDGER_FILE = "ledger.db"
TIME_FROM = "name:%Y%m%d_%H%M%S"
_STARTS_WITHIN_S = 600
"""Ten seconds on two quiet cores; where much else runs, minutes."""
_OVERLAP = 0.5
_MOVING = MovingTools(min_shift=0.014, min_confidence=0.5)
"""Above the trembling of a small detector's boxes; chosen on videos of a seed that is not among the measured ones."""


@dataclass(frozen=True)
class DemoSites:
    """Sites that stream: their videos, the owner's key and the veil's spec, the model that reads it.

    Attributes:
        videos: one video of each site.
        key: the owner's key, from which each site's is derived.
        spec: the veil's spec.
        encoder: its encoder file; None for a patch veil.
        model: the detector's bundle.
        size: side of the square, in pixels.
        fps: frames to stream per second of video.
    """

    videos: Sequence[SampleVideo]
    key: VeilKey
    spec: VeilSpec
    encoder: Path | None
    model: Path
    size: int
    fps: int


@dataclass(frozen=True)
class SiteResult:
    """Figures of a site's report, beside the truth: seconds of use by tool, and how segments match at an IoU of 0.5."""

    site: str
    used_s: dict[str, float]
    truly_used_s: dict[str, float]
    score: SegmentalF1
    observed_s: float
    report: Path


def stream_sites(sites: DemoSites, place: Path, out: Path, progress: Progress) -> list[SiteResult]:
    """Stream each site's video through a service of its own processes, and read the reports from its ledger.

    Args:
        sites: the sites and their videos.
        place: folder for keys, tokens and spools; it should not outlive the demo.
        out: folder for the ledger, the logs and a report of each site.
        progress: is told what begins, and which site is done.

    Raises:
        RayppError: if the service or an agent fails, naming its log.
    """
    out.mkdir(parents=True, exist_ok=True)
    url = sqlite_url(out / LEDGER_FILE)
    with Ledger.open(url) as ledger:
        for video in sites.videos:
            write_private(place / f"{video.site}.token", Identities(ledger).add_site(video.site).encode())
            ledger.configure(video.site, sample_site_settings(video.site, _MOVING))
    for video in sites.videos:
        key = SiteKey.derive_from(sites.key, sites.spec, video.site, [video.camera])
        save_site_key(key, place / f"{video.site}.key")
    progress.say("serving       the detector: ten seconds to start, or more where much runs")
    with _service(sites.model, url, out / "service.log") as port, ExitStack() as running:
        progress.say(f"streaming     {counted(len(sites.videos), 'site')}, as fast as their videos are veiled")
        agents = {video.site: running.enter_context(_agent(sites, video, port, place, out)) for video in sites.videos}
        for site, agent in agents.items():
            if agent.wait():
                raise RayppError(f"the agent of {site} failed; see {out / f'{site}.log'}")
            progress.say(f"streamed      {site}")
    with Ledger.open(url, create=False) as ledger:
        return [_result(ledger, video, out / video.site) for video in sites.videos]


@contextmanager
def _service(model: Path, url: str, log: Path) -> Iterator[int]:
    port, http_port = free_ports(2)
    command = [sys.executable, "-P", "-m", "raypp", "serve", "--model", model, "--port", port, "--http-port", http_port]
    with log.open("wb") as output:
        environment = os.environ | {"RAYPP_LEDGER": url, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen([str(part) for part in command], env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while b"serving" not in log.read_bytes():
            if process.poll() is not None:
                raise RayppError(f"the demo's service ended with {process.returncode} before it served; see {log}")
            if time.monotonic() > deadline:
                raise RayppError(
                    f"the demo's service did not serve within {_STARTS_WITHIN_S} s; see {log}, and run the demo again "
                    "while fewer programs run"
                )
            time.sleep(0.1)
        yield port
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that may have ended."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _agent(
    sites: DemoSites, video: SampleVideo, port: int, place: Path, out: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    command = [
        sys.executable, "-P", "-m", "raypp", "stream", video.path, "--site", video.site, "--camera", video.camera,
        "--key", place / f"{video.site}.key", "--token-file", place / f"{video.site}.token",
        "--server", f"127.0.0.1:{port}", "--spool", place / f"{video.site}-spool", "--size", sites.size,
        "--fps", sites.fps, "--time-from", TIME_FROM, *(("--spec", sites.encoder) if sites.encoder else ()),
    ]  # fmt: skip
    with (out / f"{video.site}.log").open("wb") as output:
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output)
    try:
        yield process
    finally:
        _end(process)


def _result(ledger: Ledger, video: SampleVideo, folder: Path) -> SiteResult:
    text, _ = ledger.site_settings(video.site)
    settings = SiteSettings.parse(text or "", f"settings of {video.site}")
    records = latest(ledger, video.site, settings, now_us=time.time_ns() // 1000)
    if records is None:
        raise RayppError(f"no frame of {video.site} has reached the ledger; see the logs in {folder.parent}")
    write_files(records.figures(), records, folder)
    start_s = video.started_at.replace(tzinfo=UTC).timestamp()
    segments, truth = _segments(records.episodes, start_s), true_spans(video.timeline_path)
    return SiteResult(
        site=video.site,
        used_s=_totals(segments),
        truly_used_s=_totals(truth),
        score=segmental_f1(segments, truth, _OVERLAP),
        observed_s=sum(stretch.end_us - stretch.start_us for stretch in records.stretches) / 1e6,
        report=folder,
    )


def _segments(episodes: Sequence[Episode], start_s: float) -> list[LabelledSpan]:
    return [
        LabelledSpan(episode.tool, episode.start_us / 1e6 - start_s, episode.end_us / 1e6 - start_s)
        for episode in episodes
    ]


def _totals(segments: Sequence[LabelledSpan]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for segment in segments:
        totals[str(segment.label)] = totals.get(str(segment.label), 0.0) + segment.duration_s
    return totals
