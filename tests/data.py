"""Where the tests find real images and videos, if this machine has any."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("RAYPP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def shared_data(*parts: str) -> Path:
    """Return the path of a real file or folder, or skip the test where there is none."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs real data: {path.name} (set RAYPP_DATA to its folder)")
    return path
