"""Data to try a tool on: of a workshop that was never there, and of the same form as an owner's."""

from pathlib import Path

from raypp.demo.sample_ledger import make_sample_ledger
from raypp.demo.workshop.sample import make_sample
from raypp.execution import ExecutionSettings, On
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.ledgers import Ledgers
from raypp.progress import Progress
from raypp.sql.ledger_views import LedgerRows
from raypp.toolbox.data import ToolData, codes_data, detections_data, plain_data
from raypp.toolbox.manifest import Reads
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

_VIDEO_S, _SIZE = 4.0, 160
_MINUTES = 10.0


def mock_data(reads: Reads, folder: Path, seed: int, progress: Progress) -> ToolData:
    """Make data of one kind.

    Args:
        reads: which kind.
        folder: an empty one, that is kept as long as the data are used.
        seed: the same seed gives the same detections and videos.
        progress: is told of the veil's work.
    """
    words = f"mock data, seed {seed}"
    if reads is Reads.DETECTIONS:
        path = make_sample_ledger(folder, seed=seed, minutes=_MINUTES)
        with Ledgers.open(LedgerList.parse(sqlite_url(path))) as ledgers:
            return detections_data(LedgerRows(lambda: ledgers), words)
    sample = make_sample(folder / "sample", seed, seconds=_VIDEO_S, size=(320, 180))
    if reads is Reads.PLAIN:
        return plain_data([str(sample.inventory)], words)
    key_path = folder / "mock.key"
    save_owner_key(VeilKey.generate(), key_path)
    out = folder / "veiled"
    settings = VeilSettings(
        out=str(out), private=folder / "private", key_path=key_path, size=_SIZE, time_from="name:%Y%m%d_%H%M%S"
    )
    run_veil(settings, [str(sample.inventory)], ExecutionSettings(on=On.LOCAL), progress)
    return codes_data([str(out)], (), None, words)
