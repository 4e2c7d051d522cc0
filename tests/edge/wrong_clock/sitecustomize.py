"""Replaces the clock of every Python that starts with this on its path: wrong by the seconds that a file holds."""

import os
import time
from pathlib import Path

_right_ns = time.time_ns
_offset = Path(os.environ["WRONG_CLOCK"])


def _wrong_ns() -> int:
    return _right_ns() + int(float(_offset.read_text() or 0) * 1e9)


time.time_ns = _wrong_ns
time.time = lambda: _wrong_ns() / 1e9
