"""What a service does with a stream, as plainly as can be: open, fold, commit."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from raypp.errors import StaleStreamError
from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import Commit, StreamAbout
from raypp.usage.episode import CloseReason, Episode, StreamName, Stretch
from raypp.usage.fold import Fold
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes, FoldState

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
CLASSES = ("drill", "saw")
ABOUT = StreamAbout(CLASSES, "a" * 64, "b" * 32)
STREAM = StreamName("plant-1", "bench", T0)
DRILL = Detection(0, 0.75, 0.125, 0.25, 0.5, 0.75)
SAW = Detection(1, 0.5, 0.5, 0.5, 0.625, 0.75)


class Clock:
    """Processing time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = T0 + 3600 * SECOND

    def __call__(self) -> int:
        return self.now


def seen(number: int, *detections: Detection, at_us: int | None = None) -> SeenFrame:
    """A frame of a camera that gives two a second."""
    at = T0 + number * SECOND // 2 if at_us is None else at_us
    return as_stored(SeenFrame(number, at, Observation.OBSERVED, detections))


def working_day(frames: int = 240) -> list[SeenFrame]:
    """The drill is used for 20 s of every 40 s, the saw for 10 s of every 60 s; both are there from the beginning."""
    return [
        seen(number, *([DRILL] if number % 80 < 40 else []), *([SAW] if number % 120 < 20 else []))
        for number in range(frames)
    ]


def chunks(frames: Sequence[SeenFrame], size: int = 8) -> tuple[tuple[SeenFrame, ...], ...]:
    return tuple(tuple(frames[start : start + size]) for start in range(0, len(frames), size))


class Connection:
    """A connection that streams one camera: it holds the fold's state between chunks."""

    def __init__(self, ledger: Ledger, stream: StreamName = STREAM, about: StreamAbout = ABOUT) -> None:
        self.ledger = ledger
        self.stream = stream
        self.settings = ledger.present_settings(stream.site)
        self.fold = Fold(self.settings, stream, about.classes)
        self.position = ledger.open_stream(stream, about)
        self.committed = self.position.committed
        self.state: FoldState | None = None
        self._adopted = Changes()
        if not self.position.ended:
            state = self.position.state_json
            self.state = FoldState.from_json(state) if state else self.fold.begin()
            if not self.fold.fits(self.state):
                self.state, self._adopted = self.fold.adopt(self.state)

    def prepare(self, sequence: int, frames: Sequence[SeenFrame], *, last: bool = False) -> tuple[Commit, FoldState]:
        assert self.state is not None
        state, changes = self.fold.advance(self.state, frames)
        changes = self._adopted.then(changes)
        if last:
            state, more = self.fold.finish(state, CloseReason.END_OF_STREAM)
            changes = changes.then(more)
        commit = Commit(
            self.stream,
            sequence,
            tuple(frames),
            state.to_json(),
            self.settings.settings_id,
            changes,
            last,
            self.position.lease,
        )
        return commit, state

    def send(self, sequence: int, frames: Sequence[SeenFrame], *, last: bool = False) -> int:
        """Commit a chunk, or, if it is durable already, do nothing; return what is committed."""
        if sequence <= self.committed:
            return self.committed
        if sequence > self.committed + 1:
            raise StaleStreamError(f"chunk {sequence} after {self.committed}")
        commit, state = self.prepare(sequence, frames, last=last)
        self.ledger.commit(commit)
        self.state, self._adopted, self.committed = state, Changes(), sequence
        return self.committed

    def send_all(self, parts: Sequence[Sequence[SeenFrame]], *, last: bool = False) -> None:
        for sequence, part in enumerate(parts, 1):
            self.send(sequence, part, last=last and sequence == len(parts))


@cache
def template() -> Path:
    """A SQLite ledger with a site, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="raypp-ledger-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with Ledger.open(f"sqlite:///{folder}/ledger.db", clock=Clock()) as opened:
        opened.add_site("plant-1")
    return folder / "ledger.db"


@contextmanager
def scratch() -> Iterator[Ledger]:
    """A SQLite ledger of its own, with a site."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template(), folder)
        with Ledger.open(f"sqlite:///{folder}/ledger.db", clock=Clock()) as ledger:
            yield ledger


@dataclass(frozen=True)
class Content:
    """All that a ledger holds of a site, to be compared."""

    frames: tuple[tuple[StreamName, tuple[SeenFrame, ...]], ...]
    episodes: frozenset[Episode]
    stretches: frozenset[Stretch]


def content(ledger: Ledger, site: str = "plant-1") -> Content:
    names = [status.stream for status in ledger.streams(site)]
    return Content(
        tuple((name, tuple(ledger.frames(name))) for name in names),
        frozenset(ledger.episodes(site, limit=None)),
        frozenset(ledger.stretches(site)),
    )


@cache
def undisturbed(parts, stream=STREAM, *, last=True):
    """Return the content of a ledger to which nothing happened."""
    with scratch() as ledger:
        Connection(ledger, stream).send_all(parts, last=last)
        return content(ledger)


def alone(frames, settings=None, reason=None):
    """Episodes and stretches that the fold alone makes of frames."""
    fold = Fold(settings or SiteSettings.default(), STREAM, CLASSES)
    state, changes = fold.advance(fold.begin(), frames)
    episodes = {episode.episode_id: episode for episode in changes.episodes}
    stretches = {stretch.start_us: stretch for stretch in changes.stretches}
    if reason:
        _, changes = fold.finish(state, reason)
        episodes |= {episode.episode_id: episode for episode in changes.episodes}
        stretches |= {stretch.start_us: stretch for stretch in changes.stretches}
    return frozenset(episodes.values()), frozenset(stretches.values())


def without(frames, from_us, to_us):
    return [frame for frame in frames if not from_us <= frame.timestamp_us < to_us]


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)
