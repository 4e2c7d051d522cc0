"""What one client may ask of the service: together these bound its memory."""

from pydantic import BaseModel, ConfigDict, Field

from protos import raypp_pb2 as pb

MESSAGE_BYTES = 16 << 20
"""Largest message that is taken off the network at all."""


class ServiceLimits(BaseModel):
    """Limits that sites are told of and held to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames_per_chunk: int = Field(32, ge=1, le=64, description="frames of a chunk, or of one call of DetectFrames")
    bytes_per_frame: int = Field(
        256 << 10, ge=1024, le=4 << 20, description="bytes that the cells of one frame may take"
    )
    window: int = Field(8, ge=1, le=64, description="chunks that a stream may have sent and not seen committed")
    streams_per_site: int = Field(64, ge=1, le=10_000, description="streams of one site at a time, on each gateway")

    def message(self) -> pb.Limits:
        """Return the limits as sites are told them."""
        return pb.Limits(**self.model_dump())
