"""Rounds of mischief, each of which must leave the ledger that an undisturbed run leaves."""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos.listeners import RULES
from tests.chaos.mischief import EVERY, fail_receiver
from tests.chaos.rounds import difference, disturbed, undisturbed, undone
from tests.chaos.world import Plan, Stage, running_world
from tests.ending import interrupt_on_sigterm
from tests.ledger.postgres import PostgresServer

_WAIT_OF_OUTAGE = 0.05
"""Longest wait between two tries, as a share of a long outage: half a minute of ten minutes."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=20)
    parser.add_argument("first_seed", type=int, nargs="?", default=1, help="of what is done when")
    parser.add_argument(
        "--down",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="the receiver of alerts takes nothing for so long from a round's begin on, such as 600",
    )
    options = parser.parse_args()
    rounds, first, down_s = options.rounds, options.first_seed, options.down
    mischiefs = tuple(mischief for mischief in EVERY if not (down_s and mischief is fail_receiver))
    longest_wait_s = max(1.0, down_s * _WAIT_OF_OUTAGE)
    failed, done, in_all = 0, Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="raypp-chaos-") as folder, PostgresServer() as postgres:
        stage = Stage.build(Path(folder), Plan(), postgres)
        with running_world(stage, "undisturbed") as world:
            expected = undisturbed(world)
        print("undisturbed:", ", ".join(f"{len(rows)} {name}" for name, rows in expected.items()), flush=True)
        for seed in range(first, first + rounds):
            print(f"round {seed}", flush=True)
            with running_world(stage, f"round-{seed}", longest_wait_s) as world:
                hurt = disturbed(world, seed, mischiefs, lambda text: print(text, flush=True), (1, 6), down_s=down_s)
            done += hurt.done
            lost = difference(expected, hurt.dump)
            print(lost or "the same", flush=True)
            print(hurt.untold or "every alert arrived, each under one id, after an outage in order", flush=True)
            in_all = in_all & hurt.events if seed > first else hurt.events
            print(", ".join(f"{times} {kind}" for kind, times in sorted(hurt.events.items())), flush=True)
            failed += bool(lost or hurt.untold)
    print(f"{rounds - failed} of {rounds} rounds left the ledger as the undisturbed run did")
    print("done:", ", ".join(f"{name} {times}" for name, times in sorted(done.items())))
    if never := undone(mischiefs, done):
        print(f"never done, so nothing is proved of: {', '.join(never)}; run more rounds")
    if lacking := sorted({f"raypp.{kind}" for kind in RULES} - in_all.keys()):
        print(f"no such alert in some round, so nothing is proved of: {', '.join(lacking)}")
    return 1 if failed or never or lacking else 0


if __name__ == "__main__":
    interrupt_on_sigterm()
    sys.exit(main())
