"""Whether something is in use at one frame."""

from enum import IntEnum


class Use(IntEnum):
    """Whether something is in use at a frame; UNDECIDED is as the next frame that is not."""

    NO = 0
    YES = 1
    UNDECIDED = 2
