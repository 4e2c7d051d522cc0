"""Ledgers filled as the service fills them: frames through the real fold, chunk by chunk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from raypp.ledger.packing import as_stored
from raypp.ledger.store import Ledger
from raypp.ledger.types import Commit, StreamAbout
from raypp.reports.period import to_us
from raypp.usage.episode import CloseReason, StreamName
from raypp.usage.fold import Fold
from raypp.usage.observation import Detection, Observation, SeenFrame

BERLIN = ZoneInfo("Europe/Berlin")
SECOND_US = 1_000_000
CHUNK = 500


def moment(*parts: int, zone: ZoneInfo = BERLIN) -> int:
    """A local time in microseconds since 1970."""
    return to_us(datetime(*parts, tzinfo=zone), zone)


@dataclass(frozen=True)
class Seen:
    """An object before a camera from one second to another, at a place of the frame."""

    name: str
    start_s: float
    end_s: float
    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True)
class Day:
    """The day of one camera.

    Attributes:
        camera: its name.
        start_us: event time of the first frame.
        seconds: how long it ran.
        objects: what was before it.
        blind: seconds from, to, and why; None: no frames came.
        fps: frames a second.
        last: whether the stream ended.
    """

    camera: str
    start_us: int
    seconds: float
    objects: Sequence[Seen] = ()
    blind: Sequence[tuple[float, float, Observation | None]] = field(default=())
    fps: float = 2.0
    last: bool = True

    def frames(self, classes: Sequence[str]) -> Iterable[SeenFrame]:
        for index in range(round(self.seconds * self.fps)):
            at = index / self.fps
            why = next((kind for start, end, kind in self.blind if start <= at < end), Observation.OBSERVED)
            if why is None:
                continue
            detections = tuple(
                Detection(classes.index(tool.name), 0.875, tool.x - 0.03, tool.y - 0.03, tool.x + 0.03, tool.y + 0.03)
                for tool in self.objects
                if tool.start_s <= at < tool.end_s
            )
            shown = detections if why is Observation.OBSERVED else ()
            yield SeenFrame(index, self.start_us + round(at * SECOND_US), why, shown)


def record(ledger: Ledger, site: str, days: Iterable[Day], classes: Sequence[str], *, live: bool = True) -> None:
    """Commit what cameras of a registered site saw."""
    settings = ledger.present_settings(site)
    for day in days:
        stream = StreamName(site, day.camera, day.start_us)
        about = StreamAbout(tuple(classes), "0" * 64, "1" * 32, live=live, agent_version="0.1.0")
        position = ledger.open_stream(stream, about)
        fold = Fold(settings, stream, classes)
        state, sequence = fold.begin(), position.committed
        frames = list(day.frames(classes))
        for start in range(0, len(frames), CHUNK):
            chunk = tuple(as_stored(frame) for frame in frames[start : start + CHUNK])
            state, changes = fold.advance(state, chunk)
            sequence += 1
            whole = Commit(
                stream, sequence, chunk, state.to_json(), settings.settings_id, changes, False, position.lease
            )
            ledger.commit(whole)
        if day.last:
            state, changes = fold.finish(state, CloseReason.END_OF_STREAM)
            ledger.commit(
                Commit(stream, sequence + 1, (), state.to_json(), settings.settings_id, changes, True, position.lease)
            )
