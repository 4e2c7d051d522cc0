"""The machine's clock."""

import time


def now_us() -> int:
    """Return the machine's time, in microseconds since 1970."""
    return time.time_ns() // 1000
