from pathlib import Path

import pytest

from raypp.ledger.store import Ledger
from tests.datasets.archives import DRILL, TRAIN, VAL, label, sample_archive
from tests.reports.conftest import RecordedSite
from tests.reports.plants import moment


@pytest.fixture(scope="session")
def veiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of four frames, with labels video-v1."""
    folder = tmp_path_factory.mktemp("archive")
    sample_archive(folder)
    return folder / "veiled"


@pytest.fixture(scope="session")
def relabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a second label version."""
    folder = tmp_path_factory.mktemp("relabelled")
    store = sample_archive(folder)
    label(store, "video-v2", {0: (TRAIN, ()), 11: (VAL, (DRILL,))}, ("hammer", "drill"))
    return folder / "veiled"


@pytest.fixture(scope="session")
def plants(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a ledger of three sites: plant-1 with exact figures, other with uses of its own, quiet with none."""
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}"
    with Ledger.open(url, clock=lambda: moment(2026, 3, 2, 14, 10)) as ledger:
        RecordedSite(ledger)
    return url
