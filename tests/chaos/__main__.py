"""Twenty rounds of mischief: `python -m tests.chaos [ROUNDS] [FIRST_SEED]`."""

import sys
import tempfile
from pathlib import Path

from tests.chaos.mischief import EVERY
from tests.chaos.rounds import difference, disturbed, undisturbed
from tests.chaos.world import Plan, Stage
from tests.ledger.postgres import PostgresServer


def main() -> int:
    rounds, first = (int(word) for word in (*sys.argv[1:], "20", "1")[:2])
    failed = 0
    with tempfile.TemporaryDirectory(prefix="raypp-chaos-") as folder, PostgresServer() as postgres:
        stage = Stage.build(Path(folder), Plan(), postgres)
        expected = undisturbed(stage)
        print("undisturbed:", ", ".join(f"{len(rows)} {name}" for name, rows in expected.items()), flush=True)
        for seed in range(first, first + rounds):
            print(f"round {seed}", flush=True)
            found = difference(expected, disturbed(stage, seed, EVERY, lambda text: print(text, flush=True), (1, 6)))
            print(found or "the same", flush=True)
            failed += bool(found)
    print(f"{rounds - failed} of {rounds} rounds left the ledger as the undisturbed run did")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
