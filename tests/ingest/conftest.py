"""A place with views, and its archive, for the tests of views."""

from pathlib import Path

import pytest

from tests.ingest.views import settings_of, veil, write_place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sources with views, and what they are veiled with."""
    return write_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def out(place: Path) -> Path:
    """The archive of all its sources and views."""
    out = place / "veiled"
    veil(settings_of(place, out), place / "in")
    return out
