#!/usr/bin/env bash
# supervision writes an object whose mask has parts (a saw seen on both sides of a post) as several objects in Pascal VOC
# and in YOLO, one for each part. Pascal VOC has a box for each object, so nothing in the format asks for it. Written as
# COCO, it stays one object. `force_masks=False` changes nothing where the annotation has polygons.
#
# Version: supervision 0.31.2.
# Expected: from COCO with one object of two parts, one object in Pascal VOC, with the box that COCO has.
# Seen: two objects in Pascal VOC and two lines in YOLO, each with the box or outline of one part.
# Who is hurt: counts of objects go up by a conversion, and a training learns parts as objects; what stands behind a
# post is the usual case in COCO.
# What helps: for boxes, drop the masks before writing (`detections.mask = None`); compare the counts before and after.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check supervision==0.31.2
mkdir images
cat > look.py <<'PY'
import json
import re
from pathlib import Path

import supervision as sv
from PIL import Image

Image.new("RGB", (100, 100)).save("images/a.png")
parts = [[10, 10, 30, 10, 30, 30, 10, 30], [50, 10, 70, 10, 70, 30, 50, 30]]
saw = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [10, 10, 60, 20], "area": 800, "segmentation": parts}
Path("given.json").write_text(json.dumps({
    "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 100}],
    "categories": [{"id": 1, "name": "saw"}],
    "annotations": [saw],
}))
data = sv.DetectionDataset.from_coco("images", "given.json")


def boxes(folder):
    """Write Pascal VOC, and return the boxes as they stand in it."""
    data.as_pascal_voc(annotations_directory_path=folder)
    numbers = r"\D+".join(f"<{name}>(\\d+)" for name in ("xmin", "ymin", "xmax", "ymax"))
    return sorted(tuple(map(int, box)) for box in re.findall(numbers, Path(folder, "a.xml").read_text()))


data.as_coco(annotations_path="coco.json")
data.as_yolo(annotations_directory_path="yolo")
coco, yolo = len(json.loads(Path("coco.json").read_text())["annotations"]), len(Path("yolo/a.txt").read_text().split("\n0 "))
split = boxes("voc")
for _, _, detections in data:
    assert len(detections) == 1
    detections.mask = None
whole = boxes("boxes")
print("of 1 object: COCO", coco, "; YOLO", yolo, "; Pascal VOC", split, "; Pascal VOC without masks", whole)
assert (coco, yolo) == (1, 2)
assert split == [(11, 11, 31, 31), (51, 11, 71, 31)], split
assert whole == [(11, 11, 70, 30)], whole
PY
venv/bin/python look.py 2>err || { cat err >&2; echo "CHANGED: supervision behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
