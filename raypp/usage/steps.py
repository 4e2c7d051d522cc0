"""Uses in the order of their starts: made one by one, since a year has hundreds of thousands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, overload
from zoneinfo import ZoneInfo

import numpy as np

from raypp.usage.episode import EpisodeState
from raypp.usage.episodes import Episodes, Integers
from raypp.usage.report import Step
from raypp.usage.shifts import local

STATE_NAMES: dict[EpisodeState, Literal["open", "provisional", "final"]] = {
    EpisodeState.OPEN: "open",
    EpisodeState.PROVISIONAL: "provisional",
    EpisodeState.FINAL: "final",
}


@dataclass(frozen=True, slots=True, eq=False)
class Steps(Sequence[Step]):
    """Uses of a site in a range of time, as `SiteReport.sequence` has them.

    Attributes:
        uses: by start, end and id.
        zone: the site's.
        from_us, to_us: the range.
    """

    uses: Episodes
    zone: ZoneInfo
    from_us: int
    to_us: int

    def __len__(self) -> int:
        return len(self.uses)

    @overload
    def __getitem__(self, place: int) -> Step: ...
    @overload
    def __getitem__(self, place: slice) -> list[Step]: ...
    def __getitem__(self, place: int | slice) -> Step | list[Step]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        use = self.uses[number]
        return Step(
            number=number + 1,
            episode_id=use.episode_id,
            camera=use.stream.camera,
            tool=use.tool,
            station=use.station,
            start=local(use.start_us, self.zone).isoformat(),
            end=local(use.end_us, self.zone).isoformat(),
            start_us=use.start_us,
            end_us=use.end_us,
            duration_s=(min(use.end_us, self.to_us) - max(use.start_us, self.from_us)) / 1e6,
            seen_s=use.seen_us / 1e6,
            state=STATE_NAMES[use.state],
            reason=use.reason.name.lower() if use.reason else None,
            clipped=use.start_us < self.from_us or use.end_us > self.to_us,
        )

    @property
    def lasted_us(self) -> Integers:
        """Of each, how long it lasted within the range: int64 [N]."""
        return np.minimum(self.uses.end_us, self.to_us) - np.maximum(self.uses.start_us, self.from_us)
