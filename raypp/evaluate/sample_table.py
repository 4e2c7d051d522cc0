"""Predicted samples in columns: objects for each would hold several times the memory of an evaluation."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from raypp.evaluate.detections import SampleDetections
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.request import FrameOrigin, PredictedSample

_MATCHES = ("correct_PT", "confidence_P", "predicted_P", "labelled_L")
_DETECTIONS = ("boxes_P4", "confidence_P", "predicted_P", "label_boxes_L4", "labelled_L")
_JOINED_AT_ONCE = 1024
_NO_TIME = np.iinfo(np.int64).min

Array = npt.NDArray[Any]


class SampleTable(Sequence[PredictedSample]):
    """Predicted samples by sample_id, each once; a value is made of a sample each time that it is asked for.

    Args:
        samples: in any order; of a sample that comes again, the last one counts.
    """

    def __init__(self, samples: Iterable[PredictedSample]) -> None:
        self._matches = [_Column(f"matches.{name}") for name in _MATCHES]
        self._detections = [_Column(f"detections.{name}") for name in _DETECTIONS]
        places: dict[tuple[str, str], int] = {}
        self._codes: dict[str, npt.NDArray[np.uint8]] = {}
        place_of, time_of, names = array("q"), array("q"), []
        for sample in samples:
            for column in (*self._matches, *self._detections):
                column.append(sample)
            origin = sample.origin
            place_of.append(places.setdefault((origin.site, origin.camera), len(places)))
            time_of.append(_NO_TIME if origin.captured_at_us is None else origin.captured_at_us)
            names.append(sample.matches.sample_id.encode())
            if sample.codes_CGG is not None:
                self._codes[sample.matches.sample_id] = sample.codes_CGG
        for column in (*self._matches, *self._detections):
            column.close()
        self._places = list(places)
        self._names = np.array(names, dtype=np.bytes_)
        self._place_of, self._time_of = np.array(place_of), np.array(time_of)
        order = np.argsort(self._names, kind="stable")
        sorted_names = self._names[order]
        last = np.ones(len(order), dtype=np.bool_)
        last[:-1] = sorted_names[1:] != sorted_names[:-1]
        self._order = order[last]

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> PredictedSample: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[PredictedSample]: ...

    def __getitem__(self, place: int | slice) -> PredictedSample | Sequence[PredictedSample]:
        """Return a sample, or some of them, by place in the order of sample_ids."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        row = int(self._order[place])
        name = self._names[row].decode()
        site, camera = self._places[self._place_of[row]]
        time = int(self._time_of[row])
        return PredictedSample(
            SampleMatches(name, *(column.of(row) for column in self._matches)),
            SampleDetections(name, *(column.of(row) for column in self._detections)),
            FrameOrigin(site, camera, None if time == _NO_TIME else time),
            self._codes.get(name),
        )

    def keep_codes(self, codes: Mapping[str, npt.NDArray[np.uint8]]) -> None:
        """Keep the codes of some samples, to be drawn."""
        self._codes.update(codes)


class _Column:
    """One array of each sample, joined: what a sample has of it are some of its rows."""

    def __init__(self, name: str) -> None:
        self._get = attrgetter(name)
        self._waiting: list[Array] = []
        self._parts: list[Array] = []
        self._ends = array("q", [0])

    def append(self, sample: PredictedSample) -> None:
        rows = self._get(sample)
        self._waiting.append(rows)
        self._ends.append(self._ends[-1] + len(rows))
        if len(self._waiting) == _JOINED_AT_ONCE:
            self._join()

    def close(self) -> None:
        self._join()
        self._joined = np.concatenate(self._parts) if self._parts else np.zeros(0)
        self._parts.clear()

    def of(self, row: int) -> Array:
        part: Array = self._joined[self._ends[row] : self._ends[row + 1]]
        return part

    def _join(self) -> None:
        if self._waiting:
            self._parts.append(np.concatenate(self._waiting))
            self._waiting.clear()
