"""Short ways to write what a detector saw, and to fold it."""

from collections.abc import Iterable, Sequence

from raypp.usage.episode import CloseReason, Episode, StreamName, Stretch
from raypp.usage.fold import Fold
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes, FoldState

CLASSES = ("hammer", "hand", "person", "helmet", "saw")
STREAM = StreamName("site-a", "cam-1", 1_000_000)
S = 1_000_000


def box(name: str, x: float, y: float, w: float = 0.1, h: float = 0.1, confidence: float = 0.9) -> Detection:
    """A detection by its middle and size."""
    corners = x - w / 2, y - h / 2, x + w / 2, y + h / 2
    return Detection(CLASSES.index(name), confidence, *corners)


def frame(time_s: float, *detections: Detection, seen: Observation = Observation.OBSERVED) -> SeenFrame:
    return SeenFrame(round(time_s * 10), round(time_s * S), seen, detections)


def video(text: str, *detections: Detection, step_s: float = 0.5, start_s: float = 0.0) -> list[SeenFrame]:
    """Frames from one letter each: # shows `found`, . shows nothing, c is covered, d dropped, space is no frame."""
    frames = []
    for number, letter in enumerate(text):
        at = start_s + number * step_s
        if letter == "#":
            frames.append(frame(at, *detections))
        elif letter == ".":
            frames.append(frame(at))
        elif letter != " ":
            kind = {"c": Observation.COVERED, "d": Observation.DROPPED, "m": Observation.MOVED}[letter]
            frames.append(frame(at, seen=kind))
    return frames


def settings(text: str) -> SiteSettings:
    return SiteSettings.parse(text, "test")


class Ledger:
    """Keeps changes as the real one does: the last of each name counts."""

    def __init__(self) -> None:
        self.episodes: dict[str, Episode] = {}
        self.stretches: dict[int, Stretch] = {}

    def take(self, changes: Changes) -> None:
        self.episodes.update((episode.episode_id, episode) for episode in changes.episodes)
        self.stretches.update((stretch.start_us, stretch) for stretch in changes.stretches)

    def rows(self) -> list[tuple[str, str, float, float, str | None]]:
        """Episodes by start: tool, station, start and end in seconds, reason."""
        ordered = sorted(self.episodes.values(), key=lambda episode: (episode.start_us, episode.tool, episode.station))
        return [
            (
                episode.tool,
                episode.station,
                episode.start_us / S,
                episode.end_us / S,
                episode.reason.name if episode.reason else None,
            )
            for episode in ordered
        ]

    def seen(self) -> list[tuple[float, float, str]]:
        """Stretches by start: start and end in seconds, observation."""
        ordered = sorted(self.stretches.values(), key=lambda stretch: stretch.start_us)
        return [(stretch.start_us / S, stretch.end_us / S, stretch.observation.name) for stretch in ordered]


def fold(
    rules: SiteSettings,
    chunks: Iterable[Sequence[SeenFrame]],
    *,
    stream: StreamName = STREAM,
    classes: tuple[str, ...] = CLASSES,
    through_json: bool = False,
    end: CloseReason | None = CloseReason.END_OF_STREAM,
) -> tuple[FoldState, Ledger]:
    """Fold chunks, and end the stream unless told not to."""
    fold_of_stream, ledger = Fold(rules, stream, classes), Ledger()
    state = fold_of_stream.begin()
    for chunk in chunks:
        state, changes = fold_of_stream.advance(state, chunk)
        ledger.take(changes)
        if through_json:
            state = FoldState.from_json(state.to_json())
    if end is not None:
        state, changes = fold_of_stream.finish(state, end)
        ledger.take(changes)
    return state, ledger
