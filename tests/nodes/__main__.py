"""Rounds in which a cluster loses a node in the middle of its work, which must leave what it leaves undisturbed."""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.ending import interrupt_on_sigterm
from tests.nodes import service
from tests.nodes.cluster import ray_cluster, start_cluster
from tests.nodes.growth import grow_under_streams, grow_under_veil
from tests.nodes.machine import lacking
from tests.nodes.rounds import Round, disturbed, undisturbed
from tests.nodes.work import Evaluate, Fit, Results, Train, Veil, Verify, Work, prepare, prepare_images, run_command

_JOBS: dict[str, type[Work]] = {kind.__name__.lower(): kind for kind in (Veil, Evaluate, Verify)}
_TRAININGS: dict[str, type[Work]] = {kind.__name__.lower(): kind for kind in (Train, Fit)}
_TRAINING_CPUS = 3
"""Of a node, logical ones: so many that one worker of a training fits on it, and two do not."""
_SERVICES = ("serve", "head")
"""Streams to the service, of whose cluster a worker is lost, or the head."""
_GROWN = {"veil": grow_under_veil, "serve": grow_under_streams}
_VIDEO_S, _CAMERAS = 60.0, 2
Plan = list[tuple[int, str]]
"""Seed and kind of each round."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.nodes", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=20)
    parser.add_argument("first_seed", type=int, nargs="?", default=1, help="of what is lost when")
    kinds = (*_JOBS, *_TRAININGS, *_SERVICES)
    parts = {
        (*_JOBS,): partial(_job_rounds, _JOBS, 1),
        (*_TRAININGS,): partial(_job_rounds, _TRAININGS, _TRAINING_CPUS),
        _SERVICES: _service_rounds,
    }
    parser.add_argument("--work", nargs="+", choices=kinds, default=[*kinds], help="in turn (default: all)")
    parser.add_argument("--grow", choices=_GROWN, nargs="+", help="no rounds: on one worker, on four and on one again")
    options = parser.parse_args()
    if lacking():
        parser.error(lacking())
    if options.grow:
        return _grow(options.grow)
    plan = [(options.first_seed + turn, options.work[turn % len(options.work)]) for turn in range(options.rounds)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="raypp-nodes-") as folder:
        for part, rounds in parts.items():
            mine = [(seed, kind) for seed, kind in plan if kind in part]
            if mine:
                for (seed, kind), outcome in zip(mine, rounds(Path(folder) / part[0], mine), strict=True):
                    print(f"round {seed}, {kind}: {outcome}", flush=True)
                    failed += bool(outcome.difference)
    print(f"{options.rounds - failed} of {options.rounds} rounds left what the undisturbed run left")
    return 1 if failed else 0


def _grow(kinds: list[str]) -> int:
    failed = 0
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="raypp-nodes-") as folder:
            faults = _GROWN[kind](Path(folder) / "grow")
        print(f"{kind}: {faults or 'the same as undisturbed, and nothing left running'}", flush=True)
        failed += bool(faults)
    return 1 if failed else 0


def _job_rounds(jobs: dict[str, type[Work]], cpus: int, place: Path, plan: Plan) -> Iterator[Round]:
    place.mkdir()
    kinds = {kind for _, kind in plan}
    prepare(place)
    if kinds != {"veil"}:
        prepare_images(place)
    with ray_cluster(place / "machines", 2, cpus) as cluster:
        print(f"a head and 2 workers run, of {cpus} logical CPUs each", flush=True)
        works = {name: kind(place) for name, kind in jobs.items() if name in kinds}
        expected: dict[str, Results] = {}
        for name, work in works.items():
            out = place / f"{name}-undisturbed"
            seconds = undisturbed(work, cluster, out)
            expected[name] = work.results(out)
            print(f"{name}: undisturbed {seconds:.0f} s{_alone(work, expected[name])}", flush=True)
        for seed, kind in plan:
            chance = random.Random(seed)
            returns = chance.random() < 0.5
            yield disturbed(works[kind], cluster, place / f"round-{seed}", chance, expected[kind], returns=returns)


def _service_rounds(place: Path, plan: Plan) -> Iterator[Round]:
    place.mkdir()
    storage = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": "/tmp/ray/gcs"}  # of the head's disk
    with (
        service.site_ground(place, _VIDEO_S, _CAMERAS, **storage) as ground,
        service.site_on(ground, start_cluster(ground.machines, 2), (1, 2)) as served,
    ):
        served.deploy(served.config(service.TWO_OF_EACH))
        print("a head on RocksDB and 2 workers serve", flush=True)
        seconds, expected = service.undisturbed(served)
        counts = ", ".join(f"{len(rows)} {name}" for name, rows in expected.items())
        print(f"serve: undisturbed {seconds:.0f} s, {counts}", flush=True)
        for seed, kind in plan:
            chance = random.Random(seed)
            returns = chance.random() < 0.5
            yield service.disturbed(served, chance, expected, head=kind == "head", returns=returns)


def _alone(work: Work, expected: Results) -> str:
    """Say whether one process leaves the same, where it should."""
    if not work.here:
        return ""
    out = work.place / f"{work.name}-alone"
    run_command(work.place, *work.words(out), "--on", "local")
    return f"; one process: {work.difference(expected, out) or 'the same'}"


if __name__ == "__main__":
    interrupt_on_sigterm()
    sys.exit(main())
