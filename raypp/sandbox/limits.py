"""Bounds of a program in the sandbox."""

from pydantic import BaseModel, ConfigDict, Field


class SandboxLimits(BaseModel):
    """Bounds of one run.

    Attributes:
        seconds: deadline, by the clock on the wall; the sandbox is killed then.
        memory_mb: memory of each process; of all together where control groups may be written.
        processes: processes and threads at once.
        scratch_mb: of `/tmp` and of `/dev/shm`, which are in memory, and of each file.
        output_kb: of each file that leaves, and of what is kept of the program's messages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(60, gt=0, le=86_400)
    memory_mb: int = Field(1024, ge=64, le=65_536)
    processes: int = Field(32, ge=1, le=1024)
    scratch_mb: int = Field(64, ge=1, le=16_384)
    output_kb: int = Field(256, ge=1, le=16_384)
