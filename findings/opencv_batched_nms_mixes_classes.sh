#!/usr/bin/env bash
# cv2.dnn.NMSBoxesBatched, which suppresses boxes within each class, lets a box of one class suppress a box of another
# where a box begins left of or above the image. It shifts each class by the largest coordinate, and a box with negative
# coordinates reaches back into the class before it. Detectors give such boxes for whatever an edge of the image cuts.
#
# Version: opencv-python-headless 5.0.0.93.
# Expected: two boxes of different classes both stay, wherever they are.
# Seen: a cat at 0, 0, 50 x 50 and a dog at -51, -51, 50 x 50 (they do not overlap at all): the dog is dropped. With one
# more box at 500, 100 all stay, so an object far away decides.
# Who is hurt: whoever filters raw detections before clipping them to the image, as the samples do.
# What helps: clip the boxes to the image first, or call NMSBoxes once for each class.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cat > look.py <<'PY'
import cv2


def kept(boxes, classes):
    scores = [0.9 - number / 10 for number in range(len(boxes))]
    return [int(number) for number in cv2.dnn.NMSBoxesBatched(boxes, scores, classes, 0.1, 0.5)]


cat, dog, far = [0.0, 0.0, 50.0, 50.0], [-51.0, -51.0, 50.0, 50.0], [500.0, 100.0, 50.0, 50.0]
same, apart, three = kept([cat, cat], [0, 1]), kept([cat, dog], [0, 1]), kept([cat, dog, far], [0, 1, 0])
one_class = kept([cat, dog], [0, 0])
print("equal boxes of two classes:", same, "; one of them outside:", apart, "; and a third:", three, "; one class:", one_class)
assert same == one_class == [0, 1]
assert apart == [0]
assert three == [0, 1, 2]
PY
venv/bin/python look.py || { echo "CHANGED: OpenCV behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
