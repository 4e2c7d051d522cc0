"""A sample ledger: a shift at the workshop as the service would have recorded it, with exact detections."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from raypp.demo.site_settings import sample_site_settings
from raypp.demo.workshop.render import Camera
from raypp.demo.workshop.sample import make_camera
from raypp.demo.workshop.tools import CLASSES
from raypp.errors import ConflictError
from raypp.ledger.ledger_url import sqlite_url
from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame

LEDGER_FILE = "ledger.db"
_SITE = "workshop"
_STARTS = datetime(2026, 3, 2, 13, 58, tzinfo=UTC)
_SIZE = 640, 360
_FPS = 4
_CHUNK = 200
_COVERED_FROM, _COVERED_TO = 0.6, 0.7
"""Share of the time in which something covers the last camera."""


def make_sample_ledger(folder: str | Path, *, seed: int = 0, cameras: int = 2, minutes: float = 10.0) -> Path:
    """Make a ledger of one site; its detections are the exact boxes of the scene, not those of a detector.

    Args:
        folder: folder to write into; it is made if it is not there.
        seed: the same seed gives the same uses of tools.
        cameras: cameras of the site; something covers the last one for a while.
        minutes: how long they watch.

    Returns:
        The ledger's file, for `open_ledger`.

    Raises:
        ConflictError: if the folder has a ledger already.
    """
    path = Path(folder).absolute() / LEDGER_FILE
    if path.exists():
        raise ConflictError(f"{path} is there already; choose another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with Ledger.open(sqlite_url(path)) as ledger:
        ledger.add_site(_SITE)
        ledger.configure(_SITE, sample_site_settings(_SITE))
        for number in range(cameras):
            camera, _ = make_camera(60 * minutes, _SIZE, np.random.default_rng([seed, number]))
            _record(ledger, f"bench-{number + 1}", camera, 60 * minutes, covered=number == cameras - 1)
    return path


def _record(ledger: Ledger, name: str, camera: Camera, seconds: float, *, covered: bool) -> None:
    """Commit what one camera sees, chunk by chunk, as the service does."""
    epoch_us = int(_STARTS.timestamp() * 1e6)
    about = StreamAbout(CLASSES, model_id="0" * 64, veil_id="0" * 32, live=False)
    writer = StreamWriter.open(ledger, StreamName(_SITE, name, epoch_us), about)
    frames = [as_stored(frame) for frame in _frames(camera, seconds, epoch_us, covered=covered)]
    chunks = [frames[start : start + _CHUNK] for start in range(0, len(frames), _CHUNK)]
    for sequence, chunk in enumerate(chunks, 1):
        writer.commit(sequence, chunk, last=sequence == len(chunks))


def _frames(camera: Camera, seconds: float, epoch_us: int, *, covered: bool) -> Iterator[SeenFrame]:
    for index in range(round(seconds * _FPS)):
        time_s = index / _FPS
        hidden = covered and _COVERED_FROM <= time_s / seconds < _COVERED_TO
        detections = () if hidden else tuple(_detections(camera, time_s))
        observation = Observation.COVERED if hidden else Observation.OBSERVED
        yield SeenFrame(index, epoch_us + round(time_s * 1e6), observation, detections)


def _detections(camera: Camera, time_s: float) -> Iterator[Detection]:
    width, height = _SIZE
    for tool in camera.visible(time_s):
        left, top, right, bottom = tool.box
        yield Detection(tool.class_id, 1.0, left / width, top / height, right / width, bottom / height)
