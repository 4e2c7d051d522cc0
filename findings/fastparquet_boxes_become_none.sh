#!/usr/bin/env bash
# fastparquet reads lists of lists and lists of structures as None in every row, without a word: a column with the boxes
# of each image ([[x, y, w, h], ...]) looks as if no image had any. Flat lists are read.
#
# Version: fastparquet 2026.9.0, pandas 3.1.1, pyarrow 26.0.1 (writes the file).
# Expected: the values, or an error that says that nested lists cannot be read.
# Seen: four rows with two boxes, one box, none and no value: None, None, None, None. pandas with engine="pyarrow" reads
# them as they are.
# Who is hurt: detections and labels in Parquet are such columns. A training on them sees an archive of empty images, and
# a count of detections is 0.
# What helps: engine="pyarrow"; or columns of flat lists, one for each coordinate.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    fastparquet==2026.9.0 pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6
cat > look.py <<'PY'
import pandas
import pyarrow
import pyarrow.parquet

boxes = [[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], [[1.0, 2.0, 3.0, 4.0]], [], None]
columns = {
    "boxes": pyarrow.array(boxes, pyarrow.list_(pyarrow.list_(pyarrow.float32()))),
    "detections": pyarrow.array(
        [box and [{"label": 3, "score": side[0]} for side in box] for box in boxes],
        pyarrow.list_(pyarrow.struct([("label", pyarrow.int16()), ("score", pyarrow.float32())])),
    ),
    "scores": pyarrow.array([box and [side[0] for side in box] for box in boxes], pyarrow.list_(pyarrow.float32())),
}
pyarrow.parquet.write_table(pyarrow.table(columns), "boxes.parquet")
seen = pandas.read_parquet("boxes.parquet", engine="fastparquet")
right = pandas.read_parquet("boxes.parquet", engine="pyarrow")
for name in columns:
    print(name, "fastparquet", seen[name].tolist(), "; pyarrow", right[name].tolist())
assert [None if value is None else len(value) for value in right.boxes] == [2, 1, 0, None]
assert seen.boxes.tolist() == seen.detections.tolist() == [None] * 4
assert [None if value is None else len(value) for value in seen.scores] == [2, 1, 0, None]
PY
venv/bin/python look.py 2>err || { cat err >&2; echo "CHANGED: fastparquet behaves otherwise than this says" >&2; exit 1; }
echo "as stated"
