#!/usr/bin/env bash
# torchvision's transforms move KeyPoints by two conventions: flips count pixels (the last column is width - 1), while
# rotation, resizing and flips of boxes count from edge to edge (the last edge is width). So a flip moves a point by one
# pixel against the box around it, and two flips are not a rotation by 180 degrees, as they are for images and boxes.
#
# Version: torchvision 0.28.0, torch 2.13.0 (KeyPoints are there since 0.23).
# Expected: a point at a corner of a box stays at a corner of that box under each transform.
# Seen: on an image 50 wide and 101 high the corner 5, 20 of the box 5, 20, 10, 30 comes to 44 by a horizontal flip, and
# the box to 40 to 45. Rotation by 180 degrees gives 45, 81 for the point; both flips give 44, 80.
# Who is hurt: training on points or polygons and boxes together: labels disagree by a pixel in every other image, which
# shows on small images and on crops.
# What helps: flip points by `width - x` and `height - y` oneself, or carry corners as boxes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 torchvision==0.28.0 numpy==2.4.6
cat > look.py <<'PY'
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

SIZE = 101, 50
point = tv_tensors.KeyPoints([[5.0, 20.0]], canvas_size=SIZE)
box = tv_tensors.BoundingBoxes([[5.0, 20.0, 10.0, 30.0]], format="XYXY", canvas_size=SIZE)


def corner(transform):
    """Return where the point comes to, and where the corner of the box that it was at comes to."""
    x, y = transform(point).tolist()[0]
    left, top, right, bottom = transform(box).tolist()[0]
    return (x, y), (min((left, right), key=lambda edge: abs(edge - x)), min((top, bottom), key=lambda edge: abs(edge - y)))


def flipped(value):
    return functional.vertical_flip(functional.horizontal_flip(value))


places = {
    "horizontal flip": corner(functional.horizontal_flip),
    "both flips": corner(flipped),
    "rotation by 180": corner(lambda value: functional.rotate(value, 180, expand=True)),
    "twice the size": corner(lambda value: functional.resize(value, [202, 100])),
}
for name, (of_point, of_box) in places.items():
    print(f"{name}: point at {of_point}, corner of the box at {of_box}")
assert list(places.values()) == [
    ((44, 20), (45, 20)), ((44, 80), (45, 81)), ((45, 81), (45, 81)), ((10, 40), (10, 40))
], places
PY
venv/bin/python look.py || { echo "CHANGED: torchvision behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
