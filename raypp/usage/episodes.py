"""Many episodes as columns: a year of a site's uses takes some megabytes, and is summed up at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName

Integers = npt.NDArray[np.int64]
EpisodeFields = tuple[str, StreamName, str, str, int, int, int, int, int | None]
"""What an episode consists of, in the order of its attributes; state and reason are numbers."""

_AT_A_TIME = 8192
_STATES = {int(state): state for state in EpisodeState}
_REASONS = {0: None} | {int(reason): reason for reason in CloseReason}


@dataclass(frozen=True, slots=True, eq=False)
class Episodes(Sequence[Episode]):
    """Episodes in some order. Equal to any sequence of the same ones.

    Attributes:
        lanes: stream, tool and station of those that have any.
        lane: int64 [N], of each the number of its lane.
        ids: bytes [N], `episode_id`.
        start_us, end_us, seen_us, state: int64 [N], as in `Episode`.
        reason: int64 [N], likewise; 0 for None.
    """

    lanes: tuple[tuple[StreamName, str, str], ...]
    lane: Integers
    ids: npt.NDArray[np.bytes_]
    start_us: Integers
    end_us: Integers
    seen_us: Integers
    state: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]

    @classmethod
    def of(cls, episodes: Iterable[Episode]) -> "Episodes":
        """Gather episodes, in their order."""
        if isinstance(episodes, Episodes):
            return episodes
        return cls.gathered(
            [
                [
                    (
                        episode.episode_id,
                        episode.stream,
                        episode.tool,
                        episode.station,
                        episode.start_us,
                        episode.end_us,
                        episode.seen_us,
                        int(episode.state),
                        episode.reason and int(episode.reason),
                    )
                    for episode in episodes
                ]
            ]
        )

    @classmethod
    def gathered(cls, parts: Iterable[Sequence[EpisodeFields]]) -> "Episodes":
        """Gather episodes from rows of their fields; of several parts one is held at a time."""
        numbers: dict[tuple[StreamName, str, str], int] = {}
        columns: list[tuple[npt.NDArray[Any], ...]] = []
        for rows in parts:
            if not rows:
                continue
            ids, streams, tools, stations, starts, ends, seen, states, reasons = zip(*rows, strict=True)
            lane = [numbers.setdefault(key, len(numbers)) for key in zip(streams, tools, stations, strict=True)]
            columns.append(
                (
                    np.array(lane, np.int64),
                    np.array([name.encode() for name in ids]),
                    np.array(starts, np.int64),
                    np.array(ends, np.int64),
                    np.array(seen, np.int64),
                    np.array(states, np.int8),
                    np.array([reason or 0 for reason in reasons], np.int8),
                )
            )
        if not columns:
            none = np.empty(0, np.int64)
            return cls((), none, np.empty(0, "S32"), none, none, none, none.astype(np.int8), none.astype(np.int8))
        return cls(tuple(numbers), *(np.concatenate(column) for column in zip(*columns, strict=True)))

    def take(self, some: npt.NDArray[Any] | slice) -> "Episodes":
        """Return some of them: by a mask, by their places, or by a slice."""
        if isinstance(some, np.ndarray) and some.dtype == np.bool_ and some.all():
            return self
        names = [field.name for field in fields(self) if field.name != "lanes"]
        return Episodes(self.lanes, *(getattr(self, name)[some] for name in names))

    def by_start(self) -> "Episodes":
        """Return them by start, end and id."""
        order = np.lexsort((self.ids, self.end_us, self.start_us))
        return self if bool((order[1:] > order[:-1]).all()) else self.take(order)

    def having(self, cameras: Iterable[str] = (), tools: Iterable[str] = ()) -> "Episodes":
        """Return those of some cameras and tools; none of either means all."""
        cameras, tools = set(cameras), set(tools)
        fits = [
            (not cameras or stream.camera in cameras) and (not tools or tool in tools) for stream, tool, _ in self.lanes
        ]
        return self.take(np.array(fits, bool)[self.lane])

    @property
    def present(self) -> list[tuple[StreamName, str, str]]:
        """Lanes of which there is an episode."""
        return [self.lanes[number] for number in np.unique(self.lane)]

    @property
    def tools(self) -> set[str]:
        """Tools of which there is an episode."""
        return {tool for _, tool, _ in self.present}

    @property
    def cameras(self) -> set[str]:
        """Cameras of which there is an episode."""
        return {stream.camera for stream, _, _ in self.present}

    @property
    def streams(self) -> list[StreamName]:
        """The stream of each lane."""
        return [lane[0] for lane in self.lanes]

    def __len__(self) -> int:
        return len(self.lane)

    @overload
    def __getitem__(self, place: int) -> Episode: ...
    @overload
    def __getitem__(self, place: slice) -> "Episodes": ...
    def __getitem__(self, place: int | slice) -> "Episode | Episodes":
        if isinstance(place, slice):
            return self.take(place)
        place = range(len(self))[place]
        return next(iter(self.take(slice(place, place + 1))))

    def __iter__(self) -> Iterator[Episode]:
        for start in range(0, len(self), _AT_A_TIME):
            part = self.take(slice(start, start + _AT_A_TIME))
            columns = (part.lane, part.ids, part.start_us, part.end_us, part.seen_us, part.state, part.reason)
            for lane, name, begun, ended, seen, state, reason in zip(*(c.tolist() for c in columns), strict=True):
                stream, tool, station = self.lanes[lane]
                times = (begun, ended, seen)
                yield Episode(name.decode(), stream, tool, station, *times, _STATES[state], _REASONS[reason])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]
