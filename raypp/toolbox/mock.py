"""Data to try a tool on: of a workshop or a microscope that was never there, and of the same form as an owner's."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from raypp.counting.tables import OBJECTS, OBJECTS_PARQUET
from raypp.demo.micrographs.specimen import CLASSES, draw_specimen
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
from raypp.toolbox.data import ToolData, codes_data, counts_data, detections_data, plain_data
from raypp.toolbox.manifest import Reads
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

_VIDEO_S, _SIZE = 4.0, 160
_MINUTES = 10.0
_IMAGES, _IMAGE, _UM_PER_PX = 24, (640, 480), 0.8


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
    if reads is Reads.COUNTS:
        _write_counts(folder, np.random.default_rng(seed))
        return counts_data([str(folder)], words)
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


def _write_counts(folder: Path, generator: np.random.Generator) -> None:
    """Write the objects of some micrographs as a detector that errs nowhere would count them."""
    rows = []
    for number in range(_IMAGES):
        for particle in draw_specimen(_IMAGE, 1.0, generator).particles:
            left, top, right, bottom = particle.box
            across, along = right - left, bottom - top
            members = particle.members if particle.members > 1 else None
            row = (f"image-{number:02d}.png", CLASSES[particle.class_id], 1.0, *particle.box)
            diameter = (across * along) ** 0.5 * _UM_PER_PX
            rows.append((*row, diameter, "um", max(across, along) / min(across, along), members))
    columns = [pa.array(list(column), kind.type) for column, kind in zip(zip(*rows, strict=True), OBJECTS, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, schema=OBJECTS), folder / OBJECTS_PARQUET)
