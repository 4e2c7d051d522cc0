#!/usr/bin/env bash
# MeanAveragePrecision of torchmetrics computes by pycocotools, but hands it thresholds of its own: torch.linspace in
# float32, where pycocotools has float64. 0.6 becomes 0.60000002 and 0.1 becomes 0.10000000149. A detection whose IoU is
# 0.6 misses the threshold of 0.6, and a recall of 1 in 10 misses the point at 0.1, which then takes a later precision.
#
# Version: torchmetrics 1.9.0, torch 2.13.0, pycocotools 2.0.11.
# Expected: the mAP that pycocotools gives for the same boxes, as the documentation of the backend says.
# Seen: boxes of 50 px, each detected with a width of 30 px (IoU 0.6): 0.2, where pycocotools has 0.3. Random boxes
# differ in the third digit, through the points of recall.
# Who is hurt: whoever compares its figures with those of pycocotools (papers, leaderboards, another tool), above all on
# small sets and on boxes of whole pixels; a regression test between the two fails now and then.
# What helps: pass both thresholds: `iou_thresholds=np.linspace(0.5, 0.95, 10).tolist()` and
# `rec_thresholds=np.linspace(0, 1, 101).tolist()`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 torchvision==0.28.0 \
  pycocotools==2.0.11 numpy==2.4.6
cat > look.py <<'PY'
import contextlib
import io

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision

FLOAT64 = {"iou_thresholds": np.linspace(0.5, 0.95, 10).tolist(), "rec_thresholds": np.linspace(0, 1, 101).tolist()}


def by_torchmetrics(boxes, detections, scores, **thresholds):
    metric = MeanAveragePrecision(box_format="xywh", **thresholds)
    predicted = {"boxes": torch.tensor(detections), "scores": torch.tensor(scores)}
    metric.update(
        [predicted | {"labels": torch.zeros(len(scores), dtype=torch.int64)}],
        [{"boxes": torch.tensor(boxes), "labels": torch.zeros(len(boxes), dtype=torch.int64)}],
    )
    return round(float(metric.compute()["map"]), 4)


def by_pycocotools(boxes, detections, scores):
    truth = COCO()
    truth.dataset = {
        "info": {}, "images": [{"id": 1}], "categories": [{"id": 1}],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for number, box in enumerate(boxes, 1)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        results = truth.loadRes([
            {"image_id": 1, "category_id": 1, "bbox": box, "score": score}
            for box, score in zip(detections, scores, strict=True)
        ])
        evaluation = COCOeval(truth, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return round(float(evaluation.stats[0]), 4)


narrow = [[100.0 * k, 0.0, 50.0, 50.0] for k in range(4)], [[100.0 * k, 0.0, 30.0, 50.0] for k in range(4)], [1.0] * 4
boxes = [[100.0 * k, 0.0, 50.0, 50.0] for k in range(5)]
detections = [place for box in boxes for place in (box, [box[0], 1000.0, 50.0, 50.0])]
every_second = boxes, detections, [1 - k / 100 for k in range(10)]
for name, case, expected in (
    ("IoU 0.6", narrow, (0.3, 0.2, 0.3)), ("every second is right", every_second, (0.6819, 0.6815, 0.6819))
):
    values = by_pycocotools(*case), by_torchmetrics(*case), by_torchmetrics(*case, **FLOAT64)
    print(f"{name}: pycocotools {values[0]}, torchmetrics {values[1]}, with thresholds in float64 {values[2]}")
    assert values == expected, (values, expected)
PY
venv/bin/python look.py || { echo "CHANGED: torchmetrics behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
