"""`python -m benchmarks`: speed, memory and size of veiling and streaming, as ratios measured in one run."""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.memory import memory_rows
from benchmarks.service_memory import service_memory_rows
from benchmarks.siege import siege_rows
from benchmarks.size import size_rows
from benchmarks.source import make_source
from benchmarks.streaming import streaming_rows
from benchmarks.throughput import job_rows, one_thread_rows

_PARTS = ("thread", "job", "memory", "size", "streaming", "service-memory", "siege")


def main() -> None:
    """Run the benchmarks and print their table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="length of the 720p video of the whole-job benchmark")
    parser.add_argument("--siege-seconds", type=float, default=300, help="length of each of the two sieges")
    parser.add_argument("--only", choices=_PARTS, help="run only this one")
    parser.add_argument("--json", type=Path, help="write the rows here")
    options = parser.parse_args()
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="raypp-bench-") as folder:
        if options.only in (None, "thread", "job"):
            video = make_source(Path(folder, "in", "video.mp4"), options.minutes)
            if options.only in (None, "thread"):
                rows += one_thread_rows(video)
            if options.only in (None, "job"):
                rows += job_rows(video, Path(folder))
        if options.only in (None, "memory"):
            rows += memory_rows(Path(folder))
        if options.only in (None, "size"):
            rows += size_rows(Path(folder))
        if options.only in (None, "streaming"):
            rows += streaming_rows(Path(folder))
        if options.only in (None, "service-memory"):
            rows += service_memory_rows(Path(folder))
        if options.only in (None, "siege"):
            rows += siege_rows(Path(folder), options.siege_seconds)
    width = max(len(name) for name, _, _ in rows)
    for name, value, bar in rows:
        print(f"{name:<{width}}  {value:>22}  {bar}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


main()
