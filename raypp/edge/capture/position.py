"""Where a capture stands, so that it goes on at the exact next frame."""

from pydantic import BaseModel, ConfigDict


class Position(BaseModel):
    """Where a capture stands after a frame.

    Attributes:
        source: the recording being read, as listed; empty for a live camera.
        start_us: capture time of the recording's presentation time 0, microseconds since 1970.
        index_base: number in the stream of the recording's frame 0.
        presented_us: presentation time of the last frame in its recording, or -1 before the first.
        last_index: number in the stream of the last frame, or -1 before the first.
        last_us: its timestamp, microseconds since 1970.
        finished: the sources have ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = ""
    start_us: int = 0
    index_base: int = 0
    presented_us: int = -1
    last_index: int = -1
    last_us: int = -1
    finished: bool = False
