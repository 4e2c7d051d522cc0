"""What a capacity is to be planned for: sites, cameras, their hours, and what of each machine stays free."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import OptionError
from raypp.io.settings_file import as_model, read_settings_file

REMEDY = "see docs/how-to/capacity.md"
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CapacitySettings(BaseModel):
    """The load of a service, and the machines that it may have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sites: int = Field(ge=1, le=10_000_000, description="sites")
    cameras: int = Field(4, ge=1, le=1000, description="cameras of a site")
    fps: float = Field(2.0, gt=0, le=240, description="frames a second of a camera that are sent")
    hours: float = Field(24.0, gt=0, le=24, description="hours a day in which cameras send, all at the same time")
    days: float = Field(365.0, gt=0, le=366, description="days a year on which they do")
    width: int = Field(1280, ge=16, le=16_384, description="width of a camera's video, in pixels")
    height: int = Field(720, ge=16, le=16_384, description="height of a camera's video, in pixels")
    video_fps: float = Field(25.0, gt=0, le=240, description="frames a second of a camera's video, before sampling")
    size: int = Field(640, ge=16, le=4096, description="side of the letterboxed square, in pixels")
    spec: str = Field("default", description="veil, by the name that it has in the rates")
    chunk_frames: int = Field(8, ge=1, le=64, description="frames of a chunk, as of the agent")
    chunk_s: float = Field(4.0, gt=0, le=3600, description="longest time that a frame waits for its chunk")
    detections: float = Field(2.0, ge=0, le=300, description="mean detections of a frame")
    uses: float = Field(10.0, ge=0, le=100_000, description="uses that a camera sees in an hour")
    keep_days: float = Field(365.0, gt=0, le=36_600, description="days after which a site's data is forgotten")
    engine: str | None = Field(None, description="detector, by its name in the rates; none: the quickest there")
    device: Literal["cpu", "gpu"] = Field("cpu", description="where detectors compute")
    database: Literal["sqlite", "postgresql"] = Field("postgresql", description="the ledger's database")
    headroom: float = Field(0.3, ge=0, le=0.9, description="share of each machine that stays free at the peak")
    streams_per_gateway: int = Field(500, ge=1, le=10_000, description="as of the service's settings")
    node_cpus: float = Field(16.0, gt=0, le=4096, description="cores of a Ray node")
    node_memory_gb: float = Field(64.0, gt=0, le=65_536, description="memory of a Ray node, in 10^9 bytes")
    node_gpus: int = Field(1, ge=1, le=64, description="GPUs of a Ray node, where detectors compute on them")
    database_cpus: float = Field(16.0, gt=0, le=4096, description="cores of a database's machine")

    @classmethod
    def merged(cls, file: Path | None, options: dict[str, Any]) -> Self:
        """Return what a YAML file says, overruled by options that are not None.

        Raises:
            OptionError: if the file cannot be read, or a value is out of range or unknown.
        """
        document = read_mapping(file, "settings") if file else {}
        document |= {name: value for name, value in options.items() if value is not None}
        return as_model(cls, document, f"capacity, with {file}" if file else "capacity", REMEDY)

    @property
    def streams(self) -> int:
        """Cameras of all sites, each a stream."""
        return self.sites * self.cameras

    @property
    def frames_per_s(self) -> float:
        """Frames a second of all streams."""
        return self.streams * self.fps

    @property
    def chunks_per_s(self) -> float:
        """Chunks a second of all streams: a chunk is sent when it is full, or its first frame has waited."""
        return self.frames_per_s / min(max(1.0, self.fps * self.chunk_s), self.chunk_frames)

    @property
    def usable(self) -> float:
        """Share of a machine that may be busy at the peak."""
        return 1 - self.headroom


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML file that maps names to values.

    Raises:
        OptionError: if it cannot be read or is something else; it says `what` the file is.
    """
    document: Any = read_settings_file(path, what, REMEDY)
    if not isinstance(document, dict):
        raise OptionError(f"{what} {path} must map names to values; {REMEDY}")
    return document
