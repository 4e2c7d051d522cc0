"""Comparing the detections of two models on the same frames."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from raypp.geometry.boxes import box_iou
from raypp.ledger.model_agreement import Agreement, ClassAgreement
from raypp.usage.observation import Detection

SAME_PLACE = 0.5
"""Least IoU of two detections of one object."""


def compare_detections(
    live: Iterable[Sequence[Detection]], shadow: Iterable[Sequence[Detection]], classes: Sequence[str]
) -> Agreement:
    """Count what two models detected alike on the same frames, and what one of them alone.

    The pairs of a class with the highest IoU are taken first, each detection once.

    Args:
        live: detections of each frame, by the model that counts.
        shadow: detections of each frame, by the other one.
        classes: names by class_id, at least as many as either model has.
    """
    both: Counter[int] = Counter()
    alone: tuple[Counter[int], Counter[int]] = Counter(), Counter()
    frames = alike = 0
    for mine, theirs in zip(live, shadow, strict=True):
        pairs = _pairs(mine, theirs)
        both.update(mine[place].class_id for place, _ in pairs)
        paired = {place for place, _ in pairs}, {place for _, place in pairs}
        for detections, taken, counts in zip((mine, theirs), paired, alone, strict=True):
            counts.update(each.class_id for place, each in enumerate(detections) if place not in taken)
        frames += 1
        alike += len(pairs) == len(mine) == len(theirs)
    seen = sorted({*both, *alone[0], *alone[1]})
    counted = {
        classes[number]: ClassAgreement(both=both[number], live_alone=alone[0][number], shadow_alone=alone[1][number])
        for number in seen
    }
    return Agreement(frames=frames, alike=alike, classes=counted)


def _pairs(mine: Sequence[Detection], theirs: Sequence[Detection]) -> list[tuple[int, int]]:
    if not mine or not theirs:
        return []
    iou = box_iou(*(np.array([(each.x1, each.y1, each.x2, each.y2) for each in some]) for some in (mine, theirs)))
    same_class = np.array([[own.class_id == other.class_id for other in theirs] for own in mine])
    iou = np.where(same_class, iou, 0.0)
    pairs = []
    while iou.max() >= SAME_PLACE:
        row, column = map(int, np.unravel_index(iou.argmax(), iou.shape))
        pairs.append((row, column))
        iou[row], iou[:, column] = 0.0, 0.0
    return pairs
