"""Kept frames folded again, from the first on: what a stream's episodes and state would be now."""

import json
from collections.abc import Sequence
from typing import NamedTuple, Self

from raypp.usage.episode import CloseReason, Episode, StreamName, Stretch
from raypp.usage.fold import Fold
from raypp.usage.observation import SeenFrame
from raypp.usage.reliability import Reliabilities, reliabilities_from
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes, FoldState
from raypp.usage.violation import Exposure, Violation


class ModelClasses(NamedTuple):
    """A model as far as folds know it: its classes by class_id, and how far each is believed."""

    classes: tuple[str, ...]
    reliabilities: Reliabilities = ()

    @classmethod
    def read(cls, classes: str, reliabilities: str | None) -> Self:
        """Read two columns of a model's row."""
        return cls(tuple(json.loads(classes)), reliabilities_from(reliabilities))


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
        self._folds: dict[tuple[str, ModelClasses], Fold] = {}

    def take(self, settings: SiteSettings, model: ModelClasses, frames: Sequence[SeenFrame]) -> None:
        """Fold more frames."""
        if not frames:
            return
        fold = self.adopt(settings, model)
        self.state, changes = fold.advance(self.state or fold.begin(), frames)
        self._note(changes)

    def adopt(self, settings: SiteSettings, model: ModelClasses) -> Fold:
        """Return the fold of these settings and this model, the state, if any, having become its own."""
        fold = self._fold(settings, model)
        if self.state is not None and not fold.fits(self.state):
            self.state, changes = fold.adopt(self.state)
            self._note(changes)
        return fold

    def end(self, settings: SiteSettings, reason: CloseReason) -> None:
        """End the stream as it ended; these are the settings of its last frames."""
        if self.state is not None:
            model = ModelClasses(self.state.classes, self.state.reliabilities)
            self.state, changes = self._fold(settings, model).finish(self.state, reason)
            self._note(changes)

    def _fold(self, settings: SiteSettings, model: ModelClasses) -> Fold:
        key = (settings.settings_id, model)
        if key not in self._folds:
            self._folds[key] = Fold(settings, self._stream, model.classes, model.reliabilities)
        return self._folds[key]

    def _note(self, changes: Changes) -> None:
        self.episodes |= {episode.episode_id: episode for episode in changes.episodes}
        self.stretches |= {stretch.start_us: stretch for stretch in changes.stretches}
        self.violations |= {violation.violation_id: violation for violation in changes.violations}
        self.exposures |= {(row.zone, row.item, row.start_us): row for row in changes.exposures}
