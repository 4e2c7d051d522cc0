"""Profiles of the veiled frames of an archive: some of each camera and period, evenly spread over it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from raypp.drift.code_counts import CodeCounter
from raypp.drift.period import period_of
from raypp.drift.period_kind import PeriodKind
from raypp.drift.profile import Profile, ProfileKind, Subject
from raypp.errors import ShardError
from raypp.geometry.window import Window
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ArchiveHeader
from raypp.veil.packing import unpack

_NAMES = ("site", "camera", "source", "timestamp_us", "captured_at_us", "sub_key", "variant", "width", "height")
_BATCH = 256
_KEPT = 20
"""Of each frame that is counted, how many are remembered while frames are chosen: an archive has millions."""


@dataclass(frozen=True)
class PeriodSampling:
    """How frames are cut into periods, and how many of each are counted.

    Attributes:
        period: kind of periods.
        frames: at most so many of a subject and period.
        zone: time zone in which days begin.
    """

    period: PeriodKind
    frames: int
    zone: ZoneInfo


def archive_profiles(reader: ShardReader, sampling: PeriodSampling, camera: str | None) -> list[Profile]:
    """Count the frames of an archive.

    Args:
        reader: of its shards.
        sampling: how.
        camera: only this one; None: all.

    Raises:
        ShardError: if a shard is damaged, or frames have no capture time and periods are days or hours.
    """
    chosen = _choose(reader, sampling, camera)
    counters: dict[tuple[Subject, str], CodeCounter] = {}
    for shard, rows in chosen.items():
        for row, key in _rows(reader, shard, rows):
            if key not in counters:
                counters[key] = CodeCounter(*key, reader.header.bits)
            counters[key].add(_codes(reader, row))
    return [counters[key].profile(reader.header.channels) for key in sorted(counters)]


def _choose(
    reader: ShardReader, sampling: PeriodSampling, camera: str | None
) -> dict[str, dict[int, tuple[Subject, str]]]:
    """Choose frames by narrow columns: the subject and period of each, by its row in its shard."""
    places: dict[tuple[Subject, str], _Thinned] = defaultdict(lambda: _Thinned(_KEPT * sampling.frames))
    for shard in reader.shards:
        first = 0
        for batch in reader.shard(shard, _NAMES, 4096):
            for number, row in enumerate(batch.rows.to_pylist()):
                if row["variant"] == 0 and camera in {None, row["camera"]}:
                    subject = _subject(row, reader.header)
                    moment_us = row["captured_at_us"] if row["captured_at_us"] is not None else row["timestamp_us"]
                    places[subject, _period(row, sampling)].add((moment_us, shard, first + number))
            first += len(batch)
    chosen: dict[str, dict[int, tuple[Subject, str]]] = defaultdict(dict)
    for key, thinned in places.items():
        frames = sorted(thinned.frames)
        for place in evenly(len(frames), sampling.frames):
            _, shard, row_number = frames[place]
            chosen[shard][row_number] = key
    return {shard: chosen[shard] for shard in reader.shards if shard in chosen}


class _Thinned:
    """Places of frames in the order of shards; each second one is dropped whenever they are too many.

    Args:
        most: frames that are kept; half as many at least, where there are so many.
    """

    def __init__(self, most: int) -> None:
        self.frames: list[tuple[int, str, int]] = []
        self._most, self._stride, self._skipped = most, 1, 0

    def add(self, frame: tuple[int, str, int]) -> None:
        """Take a frame, unless it is its turn to be skipped."""
        self._skipped += 1
        if self._skipped < self._stride:
            return
        self._skipped = 0
        self.frames.append(frame)
        if len(self.frames) > self._most:
            self.frames = self.frames[::2]
            self._stride *= 2


def evenly(count: int, most: int) -> Iterable[int]:
    """Choose at most so many of `count` numbers from 0, evenly spread."""
    return range(count) if count <= most else ((2 * number + 1) * count // (2 * most) for number in range(most))


def _subject(row: dict[str, Any], header: ArchiveHeader) -> Subject:
    window = Window(header.size, header.patch, row["width"], row["height"])
    names = row["site"], row["camera"], ProfileKind.CODES, str(row["sub_key"])
    return Subject(*names, window.rows, window.columns)


def _period(row: dict[str, Any], sampling: PeriodSampling) -> str:
    if sampling.period is PeriodKind.SOURCE:
        return str(row["source"])
    if row["captured_at_us"] is None:
        raise ShardError(
            f"frames of {row['site']}/{row['camera']} have no capture time; give `period` source, or veil again "
            "with `raypp veil --time-from`"
        )
    return period_of(sampling.period, row["captured_at_us"], sampling.zone)


def _rows(
    reader: ShardReader, shard: str, rows: dict[int, tuple[Subject, str]]
) -> Iterable[tuple[dict[str, Any], tuple[Subject, str]]]:
    wanted, first = np.array(sorted(rows)), 0
    for batch in reader.shard(shard, ("code", "width", "height"), _BATCH):
        inside = wanted[(wanted >= first) & (wanted < first + len(batch))] - first
        for number, row in zip(inside.tolist(), batch.rows.take(inside).to_pylist(), strict=True):
            yield row, rows[first + number]
        first += len(batch)


def _codes(reader: ShardReader, row: dict[str, Any]) -> Any:
    header = reader.header
    window = Window(header.size, header.patch, row["width"], row["height"])
    try:
        return unpack(row["code"], (header.channels, window.rows, window.columns), header.bits)
    except ValueError as error:
        raise ShardError(f"a code does not fit its frame: {error}; run `raypp verify`") from None
