#!/usr/bin/env bash
# datumaro imports a CVAT video track as it stands in the file: a box marked outside="1" (the object has left)
# comes out as a box like any other, and frames between keyframes come out as no items at all.
#
# Version: datumaro 1.12.0.
# Expected: nothing on frame 2, where CVAT shows nothing, and on frame 1 the box half way, where CVAT shows it.
# Seen: frames 0 and 2 alone, each with one box; of frame 2 only the attribute `outside` tells. Exporting these
# items to another format keeps the box, and drops the attribute.
#
# Exits with 1 if datumaro behaves otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datumaro==1.12.0
mkdir -p video/images
cat > video/annotations.xml <<'XML'
<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>1</id><name>t</name><size>4</size><mode>interpolation</mode>
<start_frame>0</start_frame><stop_frame>3</stop_frame>
<labels><label><name>saw</name><attributes></attributes></label></labels>
<original_size><width>120</width><height>90</height></original_size></task></meta>
<track id="0" label="saw">
<box frame="0" outside="0" occluded="0" keyframe="1" xtl="0" ytl="9" xbr="12" ybr="18" z_order="0"></box>
<box frame="2" outside="1" occluded="0" keyframe="1" xtl="20" ytl="9" xbr="32" ybr="18" z_order="0"></box>
</track></annotations>
XML
cat > look.py <<'PY'
import json
from pathlib import Path

import datumaro as dm

dataset = dm.Dataset.import_from("video", "cvat")
found = {item.id: [(one.get_bbox(), one.attributes["outside"]) for one in item.annotations] for item in dataset}
print(found)
assert found == {
    "frame_000000": [([0.0, 9.0, 12.0, 9.0], False)],
    "frame_000002": [([20.0, 9.0, 12.0, 9.0], True)],
}, found
dataset.export("coco", "coco_instances")
(path,) = Path("coco/annotations").glob("*.json")
boxes = [one["bbox"] for one in json.loads(path.read_text())["annotations"]]
print("COCO:", boxes)
assert [20.0, 9.0, 12.0, 9.0] in boxes, boxes
PY
venv/bin/python look.py
echo "as described"
