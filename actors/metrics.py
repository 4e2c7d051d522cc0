"""Metrics of the service, for Prometheus; Serve adds application, deployment and replica to each."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ray.serve.metrics import Counter, Gauge, Histogram

from actors.kept_gauges import UNSEEN, KeptGauges
from raypp.alerts.channel import Answer
from raypp.ledger.delivery import Backlog, Delivery
from raypp.ledger.device_values import DeviceState
from raypp.ledger.model_agreement import Agreement
from raypp.ledger.silence import Silence
from raypp.serving.model import FrameBlock, ServedModel

_MILLISECONDS = [1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
_FRAMES = [1.0, 2, 4, 8, 16, 32, 64]


class DetectorMetrics:
    """Metrics of a detector."""

    def __init__(self) -> None:
        self._frames = Counter("raypp_detector_frames", "Frames detected on.")
        self._together = Histogram("raypp_detector_frames_together", "Frames handed over at once.", _FRAMES)
        self._blocks = Histogram("raypp_detector_blocks_together", "Streams' blocks handed over at once.", _FRAMES)
        self._time = Histogram("raypp_detector_ms", "Milliseconds to detect on what was handed over.", _MILLISECONDS)
        tags: Any = ("model_id", "engine")  # Ray's annotation knows one tag
        self._loaded = Counter("raypp_detector_models_loaded", "Models loaded, by what computes them.", tags)
        self._refused = Counter("raypp_detector_reloads_refused", "Models that could not take the running one's place.")
        self._refused.inc(UNSEEN)
        outcome: Any = ("outcome",)
        self._shadow = Counter("raypp_shadow_frames", "Frames of a shadow, by its agreement.", outcome)

    def detected(self, blocks: Sequence[FrameBlock], seconds: float) -> None:
        """Count blocks that were detected on together."""
        frames = sum(map(len, blocks))
        self._frames.inc(max(frames, UNSEEN))
        self._together.observe(frames)
        self._blocks.observe(len(blocks))
        self._time.observe(seconds * 1e3)

    def loaded(self, about: ServedModel) -> None:
        """Count a model that was loaded."""
        self._loaded.inc(tags={"model_id": about.model_id[:12], "engine": about.engine})

    def reload_refused(self) -> None:
        """Count a model that could not take the running one's place."""
        self._refused.inc()

    def compared(self, agreement: Agreement) -> None:
        """Count frames of the model beside the live one."""
        different = agreement.frames - agreement.alike
        for outcome, frames in (
            ("alike", agreement.alike),
            ("different", different),
            ("passed over", agreement.passed_over),
        ):
            if frames:
                self._shadow.inc(frames, {"outcome": outcome})


class AlertMetrics:
    """Metrics of the sender of alerts; channels are those of the settings."""

    def __init__(self) -> None:
        tags: Any = ("channel", "outcome")  # Ray's annotation knows one tag
        self._tried = Counter("raypp_alerts_tried", "Alerts tried, by what became of it.", tags)
        self._waiting = Gauge("raypp_alerts_waiting", "Alerts that wait to be sent.", ("channel",))
        self._dead = Gauge("raypp_alerts_dead", "Dead letters.", ("channel",))
        self._age = Gauge("raypp_alerts_oldest_s", "Seconds for which the oldest alert has waited.", ("channel",))
        self._kept = KeptGauges()
        self._channels: set[str] = set()
        self._backlogs: dict[str, list[Backlog]] = {}

    def of(self, ledger: str) -> "LedgerAlertMetrics":
        """Return the metrics of the sender of one ledger."""
        return LedgerAlertMetrics(self, ledger)

    def tried(self, delivery: Delivery, answer: Answer) -> None:
        """Count a try."""
        self._tried.inc(tags={"channel": delivery.channel, "outcome": answer.outcome.value})

    def backlog(self, ledger: str, backlogs: list[Backlog]) -> None:
        """Note what is not sent of a ledger; a channel that had something and has nothing now is at 0."""
        self._backlogs[ledger] = backlogs
        self._channels |= {backlog.channel for backlog in backlogs}
        now_us = time.time_ns() // 1000
        for channel in self._channels:
            of_channel = [each for some in self._backlogs.values() for each in some if each.channel == channel]
            oldest_us = min((each.oldest_us for each in of_channel if each.oldest_us is not None), default=now_us)
            tags = {"channel": channel}
            self._kept.set(self._waiting, sum(each.waiting for each in of_channel), tags)
            self._kept.set(self._dead, sum(each.dead for each in of_channel), tags)
            self._kept.set(self._age, max(0.0, (now_us - oldest_us) / 1e6), tags)


class LedgerAlertMetrics:
    """Metrics of the sender of one ledger, which are counted together with those of others."""

    def __init__(self, metrics: AlertMetrics, ledger: str) -> None:
        self._metrics = metrics
        self._ledger = ledger

    def tried(self, delivery: Delivery, answer: Answer) -> None:
        """Count a try."""
        self._metrics.tried(delivery, answer)

    def backlog(self, backlogs: list[Backlog]) -> None:
        """Note what is not sent."""
        self._metrics.backlog(self._ledger, backlogs)


class GatewayMetrics:
    """Metrics of a gateway. Sites are no tags: their number is not bounded."""

    def __init__(self) -> None:
        self._streams = Gauge("raypp_gateway_streams", "Streams open.")
        self._sites = Gauge("raypp_gateway_sites", "Sites with a stream open.")
        self._chunks = Counter("raypp_gateway_chunks", "Chunks answered, by what became of them.", ("admission",))
        self._frames = Counter("raypp_gateway_frames", "Frames committed.")
        self._commit = Histogram("raypp_gateway_commit_ms", "Milliseconds to fold and commit a chunk.", _MILLISECONDS)
        self._answer = Histogram(
            "raypp_gateway_answer_ms", "Milliseconds from a chunk's arrival to its `committed`.", _MILLISECONDS
        )
        self._refused = Counter("raypp_gateway_refused", "Calls refused, by status.", ("status",))
        self._tokens = Counter("raypp_gateway_tokens_refused", "Calls and pages whose token is not taken.")
        self._retried = Counter(
            "raypp_gateway_detections_retried", "Detections asked for again after a detector failed."
        )
        self._hedged = Counter(
            "raypp_gateway_detections_hedged", "Detections asked for again while a detector was silent."
        )
        self._reaped = Counter("raypp_gateway_reaped", "Episodes of silent streams closed provisionally.")
        self._unanswered = Counter("raypp_gateway_detections_failed", "Detections given up: no detector answered.")
        self._ledger_failed = Counter(
            "raypp_gateway_ledger_failed", "Calls that the ledger failed, by what it lacked.", ("reason",)
        )
        self._lost = Counter(
            "raypp_gateway_lost_streams",
            "Streams of which committed chunks are neither here nor at the site.",
        )
        self._kept = KeptGauges()
        self.open_streams(0, 0)
        for fault in (self._retried, self._hedged, self._unanswered, self._lost):
            fault.inc(UNSEEN)
        for reason in ("full", "unavailable"):
            self._ledger_failed.inc(UNSEEN, {"reason": reason})
        self._silent_cameras = Gauge("raypp_gateway_silent_cameras", "Cameras of all sites that fell silent of late.")
        self._silent_sites = Gauge("raypp_gateway_silent_sites", "Sites of whose cameras all fell silent of late.")
        self._devices = Gauge("raypp_gateway_devices", "Devices of all sites, by state.", ("state",))
        self._clock = Histogram(
            "raypp_gateway_clock_offset_s",
            "Seconds between the service's clock and a live site's that no delay explains.",
            [0.5, 1, 2, 5, 10, 60, 600],
        )

    def open_streams(self, streams: int, sites: int) -> None:
        """Note how many streams are open."""
        self._kept.set(self._streams, streams)
        self._kept.set(self._sites, sites)

    def committed(self, frames: int, commit_s: float, answer_s: float) -> None:
        """Count a chunk that became durable."""
        self._chunks.inc(tags={"admission": "new"})
        if frames:
            self._frames.inc(frames)
        self._commit.observe(commit_s * 1e3)
        self._answer.observe(answer_s * 1e3)

    def repeated(self) -> None:
        """Count a chunk that was durable before."""
        self._chunks.inc(tags={"admission": "repeat"})

    def refused(self, status: str) -> None:
        """Count a call that was refused."""
        self._refused.inc(tags={"status": status})

    def token_refused(self) -> None:
        """Count a call whose token is unknown, expired or revoked."""
        self._tokens.inc()

    def retried(self) -> None:
        """Count a detection that was asked for again."""
        self._retried.inc()

    def hedged(self) -> None:
        """Count a detection that was asked for again."""
        self._hedged.inc()

    def unanswered(self) -> None:
        """Count a detection that no detector answered in time."""
        self._unanswered.inc()

    def ledger_failed(self, *, full: bool) -> None:
        """Count a call that failed for want of room in the ledger, or of the ledger itself."""
        self._ledger_failed.inc(tags={"reason": "full" if full else "unavailable"})

    def lost(self, streams: int) -> None:
        """Count streams that were seen to have lost what was committed."""
        if streams:
            self._lost.inc(streams)

    def reaped(self, episodes: int) -> None:
        """Count episodes that were closed provisionally."""
        if episodes:
            self._reaped.inc(episodes)

    def silence(self, silence: Silence) -> None:
        """Note how many cameras and sites are silent; each gateway says the same."""
        self._kept.set(self._silent_cameras, silence.cameras)
        self._kept.set(self._silent_sites, silence.sites)

    def devices(self, counts: Iterable[Mapping[DeviceState, int]]) -> None:
        """Note how many devices of each ledger are in each state; each gateway says the same."""
        ledgers = list(counts)
        for state in DeviceState:
            self._kept.set(self._devices, sum(count[state] for count in ledgers), {"state": state.value})

    def clock(self, offset_us: int) -> None:
        """Note how far a live site's clock is from the service's for certain."""
        self._clock.observe(abs(offset_us) / 1e6)
