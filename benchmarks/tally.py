"""`python -m benchmarks.tally`: a tally of three parties on this machine, by how many counts there are and what closes.

Parties are processes of their own, which speak TLS over the loopback interface.
"""

import argparse
import json
import random
import socket
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from raypp.tally.certificate import make_certificate
from raypp.tally.result import TallyResult
from raypp.tally.run import TallySettings, join_tally

_EVERYTHING = ("sum", "mean", "median", "quartiles", "rank")


def main() -> None:
    """Print the seconds and bytes of each kind of tally, and whether it is what plain arithmetic gives."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tally", description=__doc__)
    parser.add_argument("--parties", type=int, default=3)
    parser.add_argument("--counts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    cells = [f"count-{number}" for number in range(given.counts)]
    kinds: dict[str, dict[str, object]] = {
        f"{given.counts} counts": {"cells": cells},
        f"{given.counts} counts, closed below 40": {"cells": cells, "least_total": 40},
        "one figure, all statistics": {"open": _EVERYTHING},
    }
    for name, figure in kinds.items():
        for _ in range(given.rounds):
            with tempfile.TemporaryDirectory() as folder:
                print(_line(name, run_tally(Path(folder), given.parties, figure)), flush=True)


def _line(name: str, done: tuple[list[TallyResult], bool]) -> str:
    results, right = done
    seconds, sent = max(each.seconds for each in results), max(each.bytes_sent for each in results)
    return f"{name:<40}{seconds:6.2f} s{sent:>12,} bytes a party  {'right' if right else 'WRONG'}"


def run_tally(folder: Path, parties: int, figure: dict[str, object]) -> tuple[list[TallyResult], bool]:
    """Tally one figure of parties, each a process; return what each has, and whether it is right."""
    names = [f"plant-{number}" for number in range(parties)]
    for name in names:
        make_certificate(name, folder / f"{name}.key", folder / f"{name}.crt")
    plan = {
        "name": "bench",
        "parties": {name: {"address": f"127.0.0.1:{_free_port()}", "certificate": f"{name}.crt"} for name in names},
        "figures": [{"name": "figure", "most": 100_000, **figure}],
    }
    (folder / "tally.yaml").write_text(json.dumps(plan))
    chance = random.Random(0)
    cells = figure.get("cells")
    own = [
        {cell: chance.randrange(30) for cell in cells} if isinstance(cells, list) else chance.randrange(100_000)
        for _ in names
    ]

    def join(place: int) -> TallyResult:
        values = folder / f"{names[place]}.json"
        values.write_text(json.dumps({"figure": own[place]}))
        key = folder / f"{names[place]}.key"
        return join_tally(TallySettings(plan=folder / "tally.yaml", party=names[place], key=key, values=values))

    with ThreadPoolExecutor(parties) as threads:
        results = list(threads.map(join, range(parties)))
    return results, all(_is_right(result, own, figure) for result in results)


def _is_right(result: TallyResult, own: Sequence[object], figure: dict[str, object]) -> bool:
    (opened,) = result.figures
    if opened.cells is None:
        return opened.sum == sum(value for value in own if isinstance(value, int))
    least = figure.get("least_total", 0)
    totals = {cell: sum(counts[cell] for counts in own if isinstance(counts, dict)) for cell in opened.cells}
    return opened.cells == {cell: total if total >= int(str(least)) else None for cell, total in totals.items()}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    main()
