#!/usr/bin/env bash
# slice_coco of SAHI, which cuts large images and their COCO annotations into slices, writes `iscrowd: 0` for what was
# marked as a crowd, and makes up an outline, cut to whole pixels, for annotations that have a box alone.
#
# Version: sahi 0.12.8.
# Expected: a crowd stays a crowd; a box without a segmentation stays one; areas are those of the boxes or the outlines.
# Seen: `iscrowd` 0; for the box 10.4, 10.6, 30.5 x 20.5 the outline 10, 10 to 40, 31 instead of `[]`, and the area 625,
# cut from 625.25.
# Who is hurt: a training learns regions of many objects as one object each, and an evaluation counts each as missed and
# what was detected within as wrong. A tool that trains masks wherever there are outlines takes made-up ones for labels.
# What helps: take crowds out before slicing and cut their boxes by one's own means; drop `segmentation` afterwards.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sahi==0.12.8
mkdir images
cat > look.py <<'PY'
import json

from PIL import Image
from sahi.slicing import slice_coco

Image.new("RGB", (200, 200)).save("images/a.png")
box = {"image_id": 1, "category_id": 3, "bbox": [10.4, 10.6, 30.5, 20.5], "area": 625.25, "segmentation": []}
with open("given.json", "w") as file:
    json.dump({
        "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 200}],
        "categories": [{"id": 3, "name": "saw"}],
        "annotations": [box | {"id": 1, "iscrowd": 1}, box | {"id": 2, "iscrowd": 0}],
    }, file)
slices, _ = slice_coco(
    "given.json", "images", "sliced", output_dir="out", slice_height=100, slice_width=100, overlap_height_ratio=0,
    overlap_width_ratio=0,
)
for annotation in slices["annotations"]:
    print(annotation)
    assert annotation["bbox"] == [10.4, 10.6, 30.5, 20.5], annotation
    assert annotation["iscrowd"] == 0, annotation
    assert [sorted(set(corners)) for corners in annotation["segmentation"]] == [[10, 31, 40]], annotation
    assert annotation["area"] == 625, annotation
assert len(slices["annotations"]) == 2
PY
venv/bin/python look.py 2>/dev/null || { echo "CHANGED: SAHI behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
