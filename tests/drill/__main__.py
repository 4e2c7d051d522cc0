"""`python -m tests.drill`: the answer to a stolen box, with a timeline and figures; docs/how-to/stolen-box.md."""

import os
import sys
import tempfile
from pathlib import Path

from tests.drill.drill import MOST_SHARE, run_drill
from tests.ending import interrupt_on_sigterm


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="raypp-drill-") as folder, tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state  # what commands remember of ledgers
        outcome = run_drill(Path(folder), lambda text: print(text, flush=True))
    print("\n".join(outcome.lines()))
    kept = abs(outcome.after - outcome.before) < 0.5e-4
    if kept and outcome.share <= MOST_SHARE:
        print("the drill succeeded")
        return 0
    print("the drill failed: the rekeyed pair scores otherwise, or the stolen key reaches too much")
    return 1


if __name__ == "__main__":
    interrupt_on_sigterm()
    sys.exit(main())
