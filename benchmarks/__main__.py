"""`python -m benchmarks`: speed, memory and size of veiling and streaming, as ratios measured in one run."""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from benchmarks.auditing import audit_rows
from benchmarks.capacity import capacity_rows
from benchmarks.decoding import decoding_rows
from benchmarks.detector import detector_rows
from benchmarks.evaluation_memory import evaluate_memory_rows
from benchmarks.fitting import fit_step_rows
from benchmarks.learned_veil import learned_veil_rows
from benchmarks.ledger import ledger_rows
from benchmarks.memory import memory_rows
from benchmarks.peers import peer_rows
from benchmarks.people import people_rows
from benchmarks.planning import planning_rows
from benchmarks.probing import probing_rows
from benchmarks.procedures import procedure_rows
from benchmarks.ray_segments import ray_segments_rows
from benchmarks.scaling import scaling_rows
from benchmarks.service_engines import service_engine_rows
from benchmarks.service_memory import service_memory_rows
from benchmarks.siege import siege_rows
from benchmarks.size import size_rows
from benchmarks.streaming import streaming_rows
from benchmarks.throughput import job_rows, one_thread_rows
from benchmarks.training import busy_training_rows, first_step_rows, training_step_rows
from raypp.bench.sample_video import make_source
from tests.ending import interrupt_on_sigterm

Rows: TypeAlias = list[tuple[str, str, str]]

PARTS: dict[str, Callable[[Path, argparse.Namespace], Rows]] = {
    "thread": lambda folder, options: one_thread_rows(_video(folder, options.minutes)),
    "job": lambda folder, options: job_rows(_video(folder, options.minutes), folder),
    "capacity": lambda folder, _: capacity_rows(folder),
    "ledger": lambda folder, _: ledger_rows(folder),
    "memory": lambda folder, _: memory_rows(folder),
    "people": lambda folder, options: people_rows(folder, options.yards),
    "planning": lambda folder, options: planning_rows(folder, options.planned_images),
    "probing": lambda folder, _: probing_rows(folder),
    "procedures": lambda folder, _: procedure_rows(folder),
    "size": lambda folder, _: size_rows(folder),
    "streaming": lambda folder, _: streaming_rows(folder),
    "service-memory": lambda folder, _: service_memory_rows(folder),
    "ray-segments": lambda folder, _: ray_segments_rows(folder),
    "decoding": lambda folder, _: decoding_rows(folder),
    "peers": lambda folder, options: peer_rows(_video(folder, options.minutes), folder),
    "detector": lambda folder, _: detector_rows(folder),
    "service-engines": lambda folder, _: service_engine_rows(folder),
    "learned-veil": lambda folder, _: learned_veil_rows(_video(folder, 0.5), folder / "veil"),
    "fit-step": lambda folder, _: fit_step_rows(folder),
    "audit": lambda folder, _: audit_rows(folder),
    "scaling": lambda folder, options: scaling_rows(folder, options.chart),
    "siege": lambda folder, options: siege_rows(folder, options.siege_seconds),
    "busy-training": lambda folder, _: busy_training_rows(folder),
    "training-step": lambda folder, _: training_step_rows(folder),
    "first-step": lambda folder, _: first_step_rows(folder),
    "evaluate-memory": lambda folder, _: evaluate_memory_rows(folder),
}
"""What each part measures into a folder of its own: rows of name, value and bar."""
LONG = ("capacity", "people", "service-memory", "siege")
"""Parts of four to ten minutes each, which run only where they are named, or with all."""


def main() -> None:
    """Run the benchmarks, and print each one's table when it ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="length of the 720p video of the whole-job benchmark")
    parser.add_argument("--siege-seconds", type=float, default=300, help="length of each of the two sieges")
    parser.add_argument("--planned-images", type=int, default=200_000, help="images of the largest plan")
    parser.add_argument("--yards", type=int, default=100, help="yards by which the fold of people is judged")
    parser.add_argument("--chart", type=Path, help="draw the curves of `scaling` into this file, .svg or .png")
    parser.add_argument("--only", choices=PARTS, help="run only this one")
    parser.add_argument("--all", action="store_true", help=f"run the long ones, too: {', '.join(LONG)}")
    parser.add_argument("--json", type=Path, help="write the rows here")
    options = parser.parse_args()
    rows: Rows = []
    failed: list[str] = []
    parts = [part for part in PARTS if options.all or part not in LONG]
    for part in [options.only] if options.only else parts:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix=f"raypp-bench-{part}-") as folder:
            try:
                measured = PARTS[part](Path(folder), options)
            except Exception:  # noqa: BLE001 - the other parts take an hour, and say what they measured
                traceback.print_exc()
                failed.append(part)
                continue
        print(f"{part}: {time.perf_counter() - start:.0f} s")
        width = max(len(name) for name, _, _ in measured)
        for name, value, bar in measured:
            print(f"  {name:<{width}}  {value:>22}  {bar}", flush=True)
        rows += measured
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1))
    if failed:
        sys.exit(f"failed, as told above: {', '.join(failed)}")


def _video(folder: Path, minutes: float) -> Path:
    return make_source(folder / "in" / "video.mp4", minutes)


interrupt_on_sigterm()
main()
