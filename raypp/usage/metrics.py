"""How well found uses match true ones, by the measures of the field of action segmentation.

Segmental F1 and edit score are those of Lea, Flynn, Vidal, Reiter, Hager, "Temporal Convolutional Networks for Action
Segmentation and Detection" (CVPR 2017), in the form of the published evaluation code of Abu Farha and Gall, "MS-TCN"
(CVPR 2019): a found segment matches the true one of its label with which it has the highest IoU, each true one once.
Here scores are in [0, 1], and segments of different labels may overlap, since two tools may be in use at once.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """A use: what was used, and when, in seconds."""

    label: Hashable
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class SegmentalF1:
    """Matches and misses, which add up over several videos, and the scores they give."""

    hits: int
    false_alarms: int
    misses: int

    def __add__(self, other: "SegmentalF1") -> "SegmentalF1":
        return SegmentalF1(self.hits + other.hits, self.false_alarms + other.false_alarms, self.misses + other.misses)

    @property
    def precision(self) -> float:
        """Share of found segments that are true; 0 where there are none."""
        return self.hits / max(self.hits + self.false_alarms, 1)

    @property
    def recall(self) -> float:
        """Share of true segments that were found; 0 where there are none."""
        return self.hits / max(self.hits + self.misses, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there was nothing to find and nothing was found."""
        return 2 * self.hits / (2 * self.hits + wrong) if (wrong := self.false_alarms + self.misses) else 1.0


def temporal_iou(some: LabelledSpan, other: LabelledSpan) -> float:
    """Return the temporal intersection over union of two segments; 0 where their labels differ."""
    shared = min(some.end_s, other.end_s) - max(some.start_s, other.start_s)
    if some.label != other.label or shared <= 0:
        return 0.0
    return shared / (some.duration_s + other.duration_s - shared)


def segmental_matches(
    predicted: Sequence[LabelledSpan], truth: Sequence[LabelledSpan], overlap: float
) -> dict[int, int]:
    """Return the true segment that each found one matches: {place of the found, place of the true}.

    Found segments are looked at by start. A found segment whose best true one has been matched before matches none.

    Args:
        predicted: found segments.
        truth: true segments.
        overlap: the least IoU of a match, above 0 and at most 1; 0.1, 0.25 and 0.5 are usual.
    """
    matches: dict[int, int] = {}
    for place in sorted(range(len(predicted)), key=lambda place: (predicted[place].start_s, predicted[place].end_s)):
        scores = [temporal_iou(predicted[place], true) for true in truth]
        best = max(range(len(truth)), key=scores.__getitem__, default=None)
        if best is not None and scores[best] >= overlap and scores[best] > 0 and best not in matches.values():
            matches[place] = best
    return matches


def segmental_f1(predicted: Sequence[LabelledSpan], truth: Sequence[LabelledSpan], overlap: float) -> SegmentalF1:
    """Count found segments that match true ones with an IoU of at least `overlap` (0.1, 0.25, 0.5 are usual).

    A found segment whose best true one has been matched before is a false alarm: over-segmentation costs.
    """
    hits = len(segmental_matches(predicted, truth, overlap))
    return SegmentalF1(hits, len(predicted) - hits, len(truth) - hits)


def edit_score(predicted: Sequence[LabelledSpan], truth: Sequence[LabelledSpan]) -> float:
    """Score the order of uses alone: 1 minus the Levenshtein distance of the labels over the longer one's length.

    Segments are put in order of their start. 1 where both are empty.
    """
    labels = [segment.label for segment in sorted(predicted, key=lambda segment: (segment.start_s, segment.end_s))]
    other = [segment.label for segment in sorted(truth, key=lambda segment: (segment.start_s, segment.end_s))]
    if not labels and not other:
        return 1.0
    before = list(range(len(other) + 1))
    for row, label in enumerate(labels, 1):
        now = [row]
        for column, true in enumerate(other, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (label != true)))
        before = now
    return 1 - before[-1] / max(len(labels), len(other))


def matched(
    predicted: Sequence[LabelledSpan], truth: Sequence[LabelledSpan], overlap: float = 0.1
) -> list[tuple[LabelledSpan, LabelledSpan]]:
    """Pair found and true segments one to one, best first, down to `overlap`: [(found, true)], as truth goes."""
    pairs = sorted(
        ((temporal_iou(span, true), i, j) for i, span in enumerate(predicted) for j, true in enumerate(truth)),
        key=lambda p: -p[0],
    )
    of_truth: dict[int, int] = {}
    for score, i, j in pairs:
        if score >= overlap and score > 0 and j not in of_truth and i not in of_truth.values():
            of_truth[j] = i
    return [(predicted[of_truth[j]], truth[j]) for j in sorted(of_truth)]


def boundary_errors(
    predicted: Sequence[LabelledSpan], truth: Sequence[LabelledSpan], overlap: float = 0.1
) -> list[float]:
    """Return by how many seconds each start and each end of a matched pair is off: absolute, two for a pair."""
    return [
        abs(error)
        for span, true in matched(predicted, truth, overlap)
        for error in (span.start_s - true.start_s, span.end_s - true.end_s)
    ]


def duration_error(predicted: Sequence[LabelledSpan], truth: Sequence[LabelledSpan], overlap: float = 0.1) -> float:
    """Return by how many seconds durations of matched pairs are off on average: absolute; 0 where nothing matches."""
    errors = [abs(span.duration_s - true.duration_s) for span, true in matched(predicted, truth, overlap)]
    return fmean(errors) if errors else 0.0
