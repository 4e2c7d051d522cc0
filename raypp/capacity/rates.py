"""Rates of a machine: what `raypp bench` writes and `raypp capacity` reads, as JSON."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.json import read_json
from raypp.io.settings_file import as_model

_MOST_BYTES = 1 << 20
_REMEDY = "give a file of `raypp bench`"
Cost = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ProcessGroup(StrEnum):
    """Processes of a service: `ray` is whatever Ray runs on a node beside proxy and replicas."""

    GATEWAY = "gateway"
    PROXY = "proxy"
    DETECTOR = "detector"
    RAY = "ray"


class _Measured(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MeasuredMachine(_Measured):
    """The machine that rates are of."""

    processor: str = Field(description="its name, as the machine says it")
    cores: int = Field(ge=1, description="CPUs that the benchmark may use")
    memory_bytes: int = Field(ge=1, description="memory, in bytes")
    gpu: str | None = Field(None, description="name of the GPU that detectors were measured on; none: no GPU")
    load: Cost = Field(0.0, description="the system's load average before the benchmark: 0 on a quiet machine")


class VeilRate(_Measured):
    """Veiling and packing frames of a size, on one thread."""

    spec: str = Field(description="`default`, or the name of the file of the spec")
    size: int = Field(ge=1, description="side of the letterboxed square, in pixels")
    cpu_ms: Cost = Field(description="CPU milliseconds of a frame")
    frames_per_s: Cost = Field(description="frames a second of one thread")


class DecodeRate(_Measured):
    """Decoding a video and resizing the frames that are taken, on one thread."""

    width: int = Field(ge=1, description="width of the video, in pixels")
    height: int = Field(ge=1, description="height of the video, in pixels")
    video_fps: Annotated[float, Field(gt=0)] = Field(description="frames a second of the video")
    fps: Annotated[float, Field(gt=0)] = Field(description="frames a second that are taken of it")
    cpu_ms: Cost = Field(description="CPU milliseconds of a second of video")


class WireRate(_Measured):
    """Bytes that codes of a size take on the wire: messages of gRPC, without TLS and TCP."""

    spec: str = Field(description="as of the veil")
    size: int = Field(ge=1, description="side of the letterboxed square, in pixels")
    first_bytes: Cost = Field(description="bytes of a whole frame, as a connection's first")
    frame_bytes: Cost = Field(description="mean bytes of a frame that follows another")
    chunk_bytes: Cost = Field(description="bytes of a chunk beside its frames")


class DetectRate(_Measured):
    """A detector on one thread of a CPU, or on one GPU."""

    engine: str = Field(description="what computes, and its precision, such as `onnxruntime float32`")
    device: Literal["cpu", "gpu"] = Field(description="where")
    model: str = Field(description="architecture of the model")
    size: int = Field(ge=1, description="side of the square that it reads, in pixels")
    batch: int = Field(ge=1, description="frames computed at a time")
    cpu_ms: Cost = Field(description="CPU milliseconds of a frame")
    wall_ms: Cost = Field(description="milliseconds of a frame by the clock")


class AgentRate(_Measured):
    """The agent beside cameras, over decoding and veiling."""

    fps: Annotated[float, Field(gt=0)] = Field(description="frames a second of each camera of the measurement")
    frame_ms: Cost = Field(description="CPU milliseconds of a frame beyond decoding and veiling")
    base_bytes: Cost = Field(description="memory (PSS) without a camera")
    camera_bytes: Cost = Field(description="memory (PSS) of each camera")


class ProcessRate(_Measured):
    """CPU and memory of a group of the service's processes."""

    base_cores: Cost = Field(description="cores that are busy without any stream")
    stream_ms: Cost = Field(description="CPU milliseconds a second of an open stream")
    chunk_ms: Cost = Field(description="CPU milliseconds of a chunk")
    frame_ms: Cost = Field(description="CPU milliseconds of a frame; of a detector, beyond computing")
    base_bytes: Cost = Field(description="memory (PSS) without any stream")
    stream_bytes: Cost = Field(description="memory (PSS) of an open stream that sends")

    def busy_cores(self, streams: float, chunks_per_s: float, frames_per_s: float) -> float:
        """Return the cores that work keeps busy, without the base's."""
        return (self.stream_ms * streams + self.chunk_ms * chunks_per_s + self.frame_ms * frames_per_s) / 1e3


class ServiceRate(_Measured):
    """A service with one gateway and one detector, its streams and detector on the same machine."""

    ledger: Literal["sqlite", "postgresql"] = Field(description="its ledger")
    size: int = Field(ge=1, description="side of the square of its streams, in pixels")
    frames_per_s: Cost = Field(description="most frames a second that were committed in a phase")
    processes: dict[ProcessGroup, ProcessRate] = Field(description="by group")


class LedgerRate(_Measured):
    """A ledger that several threads commit chunks to."""

    kind: Literal["sqlite", "postgresql"] = Field(description="the database")
    commits_per_s: Annotated[float, Field(gt=0)] = Field(description="commits a second, durable, clients beside it")
    writer_ms: Cost = Field(description="CPU milliseconds of a commit in the process that writes")
    server_ms: Cost | None = Field(None, description="likewise in the database's server; none: another machine's")
    log_bytes: Cost = Field(description="bytes of the database's log for a commit")
    chunk_bytes: Cost = Field(description="bytes kept of a chunk beside its frames")
    frame_bytes: Cost = Field(description="bytes kept of a frame without detections")
    detection_bytes: Cost = Field(description="bytes kept of a detection")
    episode_bytes: Cost = Field(description="bytes kept of a use")


class MeasuredRates(_Measured):
    """Rates measured on one machine; what was not measured is missing."""

    version: Literal[1] = 1
    raypp: str = Field(description="version that measured them")
    measured_at: str = Field(description="when, ISO 8601, UTC")
    machine: MeasuredMachine
    veil: tuple[VeilRate, ...] = ()
    decode: tuple[DecodeRate, ...] = ()
    wire: tuple[WireRate, ...] = ()
    detect: tuple[DetectRate, ...] = ()
    ledger: tuple[LedgerRate, ...] = ()
    service: ServiceRate | None = None
    agent: AgentRate | None = None

    def with_sites(self, box: "MeasuredRates") -> "MeasuredRates":
        """Return these rates with those of a box beside cameras in place of decoding, veiling and its agent."""
        return self.model_copy(update={"veil": box.veil, "decode": box.decode, "agent": box.agent or self.agent})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read rates from a file; raises OptionError if it cannot be read or holds something else."""
        try:
            document = read_json(read_content(path, _MOST_BYTES))
        except ContentError as error:
            raise OptionError(f"rates {path} {error}; {_REMEDY}") from None
        return as_model(cls, document, f"rates {path}", _REMEDY)
