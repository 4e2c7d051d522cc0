"""Limits of one client: together they bound the service's memory."""

from pydantic import BaseModel, ConfigDict, Field

from protos import raypp_pb2 as pb

_AGENT_CHUNK = 8
"""Frames that an agent puts into a chunk, unless told otherwise."""
_BESIDE_CELLS = 64 << 10
_LEAST_BYTES = 1 << 20
"""An answer may take as much as a message, and a report of a year some hundred kilobytes."""


class ServiceLimits(BaseModel):
    """Limits that sites are told of and held to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames_per_chunk: int = Field(32, ge=1, le=64, description="frames of a chunk, or of one call of DetectFrames")
    bytes_per_frame: int = Field(
        256 << 10, ge=1024, le=4 << 20, description="bytes that the cells of one frame may take"
    )
    window: int = Field(8, ge=1, le=64, description="chunks that a stream may have sent and not seen committed")
    streams_per_site: int = Field(
        64, ge=1, le=10_000, description="streams of one site at a time, on all gateways together"
    )

    @property
    def message_bytes(self) -> int:
        """Bytes that a message may take, either way: a usual chunk of the largest frames."""
        return max(_LEAST_BYTES, _AGENT_CHUNK * self.bytes_per_frame + _BESIDE_CELLS)

    def message(self) -> pb.Limits:
        """Return the limits as sites are told them."""
        return pb.Limits(**self.model_dump(), message_bytes=self.message_bytes)
