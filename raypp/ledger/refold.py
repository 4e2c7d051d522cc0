"""Kept frames folded again, from the first on: what a stream's episodes and state would be now."""

from collections.abc import Sequence

from raypp.usage.episode import CloseReason, Episode, StreamName, Stretch
from raypp.usage.fold import Fold
from raypp.usage.observation import SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes, FoldState
from raypp.usage.violation import Exposure, Violation


class Refold:
    """A fold over the whole of a stream; does what a service does that sees the frames come.

    Attributes:
        state: after the frames so far; None before the first.
        episodes: by id.
        stretches: by start.
        violations: by id.
        exposures: by zone, item and start.
    """

    def __init__(self, stream: StreamName) -> None:
        self.state: FoldState | None = None
        self.episodes: dict[str, Episode] = {}
        self.stretches: dict[int, Stretch] = {}
        self.violations: dict[str, Violation] = {}
        self.exposures: dict[tuple[str, str, int], Exposure] = {}
        self._stream = stream
        self._folds: dict[tuple[str, tuple[str, ...]], Fold] = {}

    def take(self, settings: SiteSettings, classes: tuple[str, ...], frames: Sequence[SeenFrame]) -> None:
        """Fold more frames."""
        if not frames:
            return
        fold = self.adopt(settings, classes)
        self.state, changes = fold.advance(self.state or fold.begin(), frames)
        self._note(changes)

    def adopt(self, settings: SiteSettings, classes: tuple[str, ...]) -> Fold:
        """Return the fold of these settings and classes, the state, if any, having become its own."""
        fold = self._fold(settings, classes)
        if self.state is not None and not fold.fits(self.state):
            self.state, changes = fold.adopt(self.state)
            self._note(changes)
        return fold

    def end(self, settings: SiteSettings, reason: CloseReason) -> None:
        """End the stream as it ended; these are the settings of its last frames."""
        if self.state is not None:
            self.state, changes = self._fold(settings, self.state.classes).finish(self.state, reason)
            self._note(changes)

    def _fold(self, settings: SiteSettings, classes: tuple[str, ...]) -> Fold:
        key = (settings.settings_id, classes)
        if key not in self._folds:
            self._folds[key] = Fold(settings, self._stream, classes)
        return self._folds[key]

    def _note(self, changes: Changes) -> None:
        self.episodes |= {episode.episode_id: episode for episode in changes.episodes}
        self.stretches |= {stretch.start_us: stretch for stretch in changes.stretches}
        self.violations |= {violation.violation_id: violation for violation in changes.violations}
        self.exposures |= {(row.zone, row.item, row.start_us): row for row in changes.exposures}
