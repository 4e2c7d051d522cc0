#!/usr/bin/env bash
# Albumentations carries the label fields of boxes in the array of the boxes, which is float32. Whole numbers from
# 16777217 on come back changed, without a word, and as floats. COCO's own ids are such: those of its crowds have twelve
# digits, and so have ids made of time stamps or hashes. Strings are encoded, and come back as they were.
#
# Version: albumentations 2.0.8 (the last), with numpy 2.4.6 and opencv-python-headless 4.11.0.86.
# Expected: `ids=[16777217, 900100581904]` in `label_fields` stay what they are under a flip.
# Seen: 16777216.0 and 900100587520.0. Two neighbouring ids become one, so boxes are joined to the wrong annotation.
# Who is hurt: whoever passes annotation or track ids through a pipeline to find each box again.
# What helps: pass the position of the box (0, 1, 2 ...) as the label field and look the id up by it; or pass strings, by a
# pipeline of their own: one that has seen numbers in a field takes strings for numbers from then on.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check albumentations==2.0.8 numpy==2.4.6 opencv-python-headless==4.11.0.86
cat > look.py <<'PY'
import albumentations as A
import numpy as np

image = np.zeros((100, 100, 3), np.uint8)
boxes = [[0, 0, 10, 10], [20, 20, 30, 30]]


def flipped(*fields):
    """Return what comes back for each of the lists of ids, given one after the other to one pipeline."""
    flip = A.Compose([A.HorizontalFlip(p=1)], bbox_params=A.BboxParams("coco", label_fields=["ids"]))
    return [list(flip(image=image, bboxes=boxes, ids=ids)["ids"]) for ids in fields]


large, words = [16777217, 900100581904], ["16777217", "900100581904"]
values = flipped([3, 16777216], large, [900100581904, 900100581905], words)
strings = flipped(words)
print("numbers:", values[:3], "; strings:", strings, "; strings after numbers:", values[3])
assert values[0] == [3, 16777216]
assert values[1] == values[3] == [16777216, 900100587520]
assert values[2][0] == values[2][1]
assert strings == [words]
PY
NO_ALBUMENTATIONS_UPDATE=1 venv/bin/python look.py \
  || { echo "CHANGED: albumentations behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
