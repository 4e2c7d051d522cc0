"""Count the uses of each tool before each camera: how many, how long on average, and the longest."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq

HOUR_S = 3600
DAY_S = 24 * HOUR_S

parameters = json.loads(Path("/data/parameters.json").read_text())
least_s = float(parameters["least_s"])
uses = pq.read_table("/data/uses.parquet", columns=["camera", "tool", "duration_s"])

lasted = defaultdict(list)
for use in uses.to_pylist():
    if use["duration_s"] >= least_s:
        lasted[use["camera"], use["tool"]].append(use["duration_s"])

with Path("/out/uses.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["camera", "tool", "uses", "mean_s", "longest_s"])
    for (camera, tool), seconds in lasted.items():
        mean_s = min(sum(seconds) / len(seconds), HOUR_S)
        table.writerow([camera, tool, len(seconds), f"{mean_s:.3f}", f"{min(max(seconds), DAY_S):.3f}"])
