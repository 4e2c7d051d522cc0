"""The demand of a load at its peak: cores, bytes and commits a second, in fractions; in proportion to sites."""

from pydantic import BaseModel, ConfigDict, Field

from raypp.capacity.choice import RateChoice
from raypp.capacity.rates import ProcessGroup
from raypp.capacity.settings import CapacitySettings

_HOUR_S = 3600


class CapacityDemand(BaseModel):
    """Work of all sites together, without head-room and without what processes need when they idle."""

    model_config = ConfigDict(frozen=True)

    streams: float = Field(description="streams, one for each camera")
    frames_per_s: float = Field(description="frames a second")
    commits_per_s: float = Field(description="commits a second: one for each chunk")
    site_cores: float = Field(description="cores beside the cameras of all sites")
    gateway_cores: float = Field(description="cores of gateways")
    proxy_cores: float = Field(description="cores of Serve's proxies")
    detector_cores: float = Field(description="cores of detectors")
    detector_gpus: float = Field(description="GPUs of detectors; 0 where they compute on CPUs")
    ray_cores: float = Field(description="cores of Ray's own processes, for what streams cause")
    database_cores: float | None = Field(description="cores of the database's server; none: not measured")
    wire_bytes_per_s: float = Field(description="bytes a second from all sites to the service")
    log_bytes_per_s: float = Field(description="bytes a second of the database's log")
    ledger_bytes_per_day: float = Field(description="bytes that a day adds to the ledger")
    stream_memory_bytes: float = Field(description="memory of open streams in gateways and proxies")

    @property
    def service_cores(self) -> float:
        """Cores of all of the service but its database."""
        return self.gateway_cores + self.proxy_cores + self.detector_cores + self.ray_cores


def demand_of(settings: CapacitySettings, rates: RateChoice) -> CapacityDemand:
    """Return the demand of a load at its peak.

    Args:
        settings: the load.
        rates: of the machine that it runs on.
    """
    streams, frames, chunks = settings.streams, settings.frames_per_s, settings.chunks_per_s
    processes, detect, ledger = rates.service.processes, rates.detect, rates.ledger
    busy = {group: rate.busy_cores(streams, chunks, frames) for group, rate in processes.items()}
    camera_ms = rates.decode_ms(settings.fps) + settings.fps * (rates.veil.cpu_ms + rates.agent.frame_ms)
    kept_per_s = chunks * ledger.chunk_bytes + frames * (
        ledger.frame_bytes + settings.detections * ledger.detection_bytes
    )
    uses_an_hour = streams * settings.uses
    return CapacityDemand(
        streams=streams,
        frames_per_s=frames,
        commits_per_s=chunks,
        site_cores=streams * camera_ms / 1e3,
        gateway_cores=busy[ProcessGroup.GATEWAY],
        proxy_cores=busy[ProcessGroup.PROXY],
        detector_cores=busy[ProcessGroup.DETECTOR] + frames * detect.cpu_ms / 1e3,
        detector_gpus=frames * detect.wall_ms / 1e3 if settings.device == "gpu" else 0.0,
        ray_cores=busy[ProcessGroup.RAY],
        database_cores=None if ledger.server_ms is None else chunks * ledger.server_ms / 1e3,
        wire_bytes_per_s=frames * rates.wire.frame_bytes + chunks * rates.wire.chunk_bytes,
        log_bytes_per_s=chunks * ledger.log_bytes,
        ledger_bytes_per_day=settings.hours * (_HOUR_S * kept_per_s + uses_an_hour * ledger.episode_bytes),
        stream_memory_bytes=streams * sum(rate.stream_bytes for rate in processes.values()),
    )
