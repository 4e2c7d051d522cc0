"""One stream's way into the ledger, on one connection: folded, then made durable, chunk by chunk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from raypp.ledger.audit_log import AuditLog
from raypp.ledger.open_streams import Opening
from raypp.ledger.store import Ledger
from raypp.ledger.types import Commit, StreamAbout, StreamPosition, stream_label
from raypp.serving.overlap import REACH_US, set_apart
from raypp.usage.episode import CloseReason, Episode, StreamName
from raypp.usage.fold import Fold
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.state import Changes, FoldState


@dataclass(frozen=True, slots=True)
class Written:
    """A chunk that is durable.

    Attributes:
        frames: as they were committed.
        episodes: that it opened, changed or closed.
    """

    frames: tuple[SeenFrame, ...]
    episodes: tuple[Episode, ...]


class StreamWriter:
    """Folds and commits the chunks of one stream; blocks. After any error it is of no use: open the stream again.

    It holds nothing that the ledger does not: the position it was opened with, and the fold's state there.

    Args:
        ledger: the ledger.
        stream: the stream.
        position: where the ledger says that it stands.
        fold: the fold of the stream.
        state: the fold's state there.
        pending: what became known when the state was adopted; written with the next chunk.
        live: whether it is a live camera's.
    """

    def __init__(
        self,
        ledger: Ledger,
        stream: StreamName,
        position: StreamPosition,
        fold: Fold,
        state: FoldState,
        settings_id: str,
        pending: Changes,
        *,
        live: bool,
    ) -> None:
        self.committed = position.committed
        self.ended = position.ended
        self._ledger = ledger
        self._stream = stream
        self._lease = position.lease
        self._fold = fold
        self._state = state
        self._settings_id = settings_id
        self._pending = pending
        self._live = live
        self._taken_until_us = ledger.taken_until(stream)
        self._told = False
        self._clock_offset_us: int | None = None

    @classmethod
    def open(cls, ledger: Ledger, stream: StreamName, about: StreamAbout, opening: Opening | None = None) -> Self:
        """Take hold of a stream: earlier connections can commit no more.

        A state that was made with other settings or classes is adopted: what was open then is closed.

        Raises:
            UnknownSiteError, StreamRefusedError, LedgerUnavailableError: as `Ledger.open_stream`.
            TooManyCamerasError, TooManyStreamsError: likewise.
            SettingsError: if the site's settings name a class that the model does not have.
            FoldError: if the kept state is damaged.
        """
        Fold(
            ledger.present_settings(stream.site), stream, about.classes, about.reliabilities
        )  # refused before the stream is touched
        position = ledger.open_stream(stream, about, opening)
        settings = ledger.present_settings(stream.site)
        fold = Fold(settings, stream, about.classes, about.reliabilities)
        state, pending = fold.begin(), Changes()
        if position.state_json is not None:
            state = FoldState.from_json(position.state_json)
            if not position.ended and not fold.fits(state):
                state, pending = fold.adopt(state)
        return cls(ledger, stream, position, fold, state, settings.settings_id, pending, live=about.live)

    def commit(self, sequence: int, frames: Sequence[SeenFrame], *, last: bool) -> Written:
        """Make a chunk durable.

        Frames of a little time that another stream of the camera has committed are taken as dropped.

        Raises:
            StreamRefusedError: if more than a little of it is committed.
            StaleStreamError, StreamRefusedError, LedgerUnavailableError: as `Ledger.commit`.
        """
        frames = self._set_apart(frames)
        state, changes = self._fold.advance(self._state, frames)
        changes = self._pending.then(changes)
        if last:
            state, more = self._fold.finish(state, CloseReason.END_OF_STREAM)
            changes = changes.then(more)
        self._ledger.commit(
            Commit(
                stream=self._stream,
                sequence=sequence,
                frames=frames,
                state_json=state.to_json(),
                settings_id=self._settings_id,
                changes=changes,
                last=last,
                lease=self._lease,
                clock_offset_us=self._clock_offset_us,
            )
        )
        self._clock_offset_us = None
        self._state, self._pending = state, Changes()
        self.committed, self.ended = sequence, last
        return Written(frames, changes.episodes)

    def note_clock(self, offset_us: int) -> None:
        """Have the next chunk's commit say how far the site's clock is off: service minus site, microseconds."""
        self._clock_offset_us = offset_us

    def _set_apart(self, frames: Sequence[SeenFrame]) -> tuple[SeenFrame, ...]:
        times = [frame.timestamp_us for frame in frames if frame.observation is Observation.OBSERVED]
        if not times or min(times) >= self._taken_until_us:
            return tuple(frames)
        others = self._ledger.taken(self._stream, min(times), max(times) + REACH_US)
        apart = set_apart(self._stream, frames, others, live=self._live)
        if apart != tuple(frames) and not self._told:
            self._told = True
            detail = "frames of time that another stream of the camera has committed are taken as dropped"
            AuditLog(self._ledger).record("service", "overlap", stream_label(self._stream), detail)
        return apart
