"""Count objects by their class, with the distribution of their sizes; nothing of a single image or object leaves."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

STEP_UM = 5
MOST_UM = 1000

parameters = json.loads(Path("/data/parameters.json").read_text())
objects = pq.read_table("/data/objects.parquet", columns=["image", "class", "diameter", "unit"])
if pc.any(pc.not_equal(objects["unit"], "um")).as_py():
    sys.exit("sizes are in pixels: count with --scale")
objects = objects.filter(pc.greater_equal(objects["diameter"], float(parameters["least_um"])))

totals, sizes = [], []
for name in sorted(pc.unique(objects["class"]).to_pylist()):
    of_class = objects.filter(pc.equal(objects["class"], name))
    diameters = np.minimum(of_class["diameter"].to_numpy(), MOST_UM)
    images = len(pc.unique(of_class["image"]))
    deciles = (f"{size:.2f}" for size in np.percentile(diameters, (10, 50, 90)))
    totals.append([name, len(diameters), images, *deciles])
    bins = np.minimum(diameters // STEP_UM, MOST_UM // STEP_UM - 1).astype(int)
    counted = np.bincount(bins)
    sizes += [[name, STEP_UM * number, counted[number]] for number in np.flatnonzero(counted)]

for table, header, rows in (
    ("totals", ["class", "objects", "images", "d10_um", "d50_um", "d90_um"], totals),
    ("sizes", ["class", "from_um", "objects"], sizes),
):
    with Path("/out", f"{table}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
