"""Values of devices, as the ledger keeps and gives them. Times: microseconds since 1970."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class DeviceState(StrEnum):
    """Whether a device reports, by the clock of whoever looks."""

    MISSING = "missing"
    LATE = "late"
    REPORTING = "reporting"
    STOPPED = "stopped"


class CameraCondition(StrEnum):
    """Condition of a device's camera, or of a view of it."""

    CAPTURING = "capturing"
    STARTING = "starting"
    SILENT = "silent"
    REFUSED = "refused"
    FULL = "spool full"
    FINISHED = "finished"


BAD_CONDITIONS = frozenset({CameraCondition.SILENT, CameraCondition.REFUSED, CameraCondition.FULL})
"""Conditions that somebody should see to."""


class DeviceCamera(BaseModel):
    """A camera, or a view of it, as its agent sees it.

    `fps` is that of the time since the report before, `last_frame_us` the capture time of its latest frame by the
    site's clock. `dropped_frames` and `restarts` count since the agent started.
    """

    model_config = ConfigDict(frozen=True)

    camera: str
    condition: CameraCondition
    fps: float = 0.0
    last_frame_us: int | None = None
    waiting_frames: int = 0
    dropped_frames: int = 0
    restarts: int = 0


class DeviceReport(BaseModel):
    """Content of a device's report.

    `clock_offset_us` is the service's clock minus the site's, `clock_error_us` how far that may be off;
    `configuration_number` is that of the configuration in effect, 0 without one, and `configuration_refusal` why the
    latest one was refused; `oldest_unsent_us` the capture time of the oldest frame of a live camera that is not known
    to be committed.
    """

    model_config = ConfigDict(frozen=True)

    agent_version: str
    clock_offset_us: int | None = None
    clock_error_us: int = 0
    veil_id: str
    spool_bytes: int
    disk_free_bytes: int
    oldest_unsent_us: int | None = None
    cameras: tuple[DeviceCamera, ...] = ()
    cameras_left_out: int = 0
    configuration_number: int = 0
    configuration_refusal: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceInstance:
    """One start of an agent.

    Attributes:
        number: drawn when it started.
        started_us: when, by the site's clock.
        stopped: whether it has said that it ends.
    """

    number: int
    started_us: int
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How long a device may be silent.

    Attributes:
        late_after_us: longer, and it is late.
        missing_after_us: longer, and it is missing.
    """

    late_after_us: int
    missing_after_us: int


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the ledger has it.

    Attributes:
        site, device: its name.
        instance: the start of its agent that reported last.
        first_us, reported_us: when it was first and last heard, processing time.
        limits: how long it may be silent.
        clash_us: when an older agent last spoke under its name, processing time; None where none has.
        report: what it said.
    """

    site: str
    device: str
    instance: DeviceInstance
    first_us: int
    reported_us: int
    limits: SilenceLimits
    clash_us: int | None
    report: DeviceReport

    def state(self, now_us: int) -> DeviceState:
        """Say whether it reports, at a moment of processing time."""
        silent_us = now_us - self.reported_us
        if self.instance.stopped:
            return DeviceState.STOPPED
        if silent_us > self.limits.missing_after_us:
            return DeviceState.MISSING
        return DeviceState.LATE if silent_us > self.limits.late_after_us else DeviceState.REPORTING

    @property
    def waits_us(self) -> int | None:
        """How long its oldest frame of a live camera had waited to be sent when it reported; None without one."""
        oldest_us, offset_us = self.report.oldest_unsent_us, self.report.clock_offset_us or 0
        return None if oldest_us is None else max(0, self.reported_us - offset_us - oldest_us)

    def clashes(self, now_us: int) -> bool:
        """Whether two agents speak under its name."""
        return self.clash_us is not None and now_us - self.clash_us <= self.limits.late_after_us
