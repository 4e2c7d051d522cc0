"""Demos of several seeds, each under a fresh key: `python -m tests.accept.demos OUT`.

Prints a line of JSON for each: how its uses of tools agree with the truth at each site, its detector, what its own
attacks found, and its seconds. A demo whose log lies in OUT is not run again.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from tests.ending import interrupt_on_sigterm

_LINES = {
    "f1": re.compile(r"^(site-\w+) .*F1@50 ([\d.]+) \((\d+) right, (\d+) wrong, (\d+) missed\)", re.MULTILINE),
    "map50": re.compile(r"^detector +mAP50 ([\d.]+), mAP50-95 ([\d.]+)", re.MULTILINE),
    "leakage": re.compile(r"^\w+ +(leakage[^:]*): ([\d.]+)", re.MULTILINE),
    "wall_s": re.compile(r"^(\d+) s in all", re.MULTILINE),
    "cpu_s": re.compile(r"^(\d+) CPU s", re.MULTILINE),
}


def main() -> None:
    """Run demos, and print what each found."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.demos", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the demos and their logs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    out: Path = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        log = out / f"seed-{seed}.log"
        if not log.exists():
            _demo(out / f"seed-{seed}", seed, log)
        text = log.read_text()
        print(json.dumps({"seed": seed} | {name: line.findall(text) for name, line in _LINES.items()}), flush=True)


def _demo(out: Path, seed: int, log: Path) -> None:
    """Run one demo to its end, and keep its output, with its CPU seconds below."""
    command = [sys.executable, "-P", "-m", "raypp", "demo", "--out", str(out), "--seed", str(seed), "--on", "local"]
    before, part = _cpu_s(), log.with_suffix(".part")
    with part.open("w") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=True)
        output.write(f"{_cpu_s() - before:.0f} CPU s\n")
    part.rename(log)


def _cpu_s() -> float:
    """CPU seconds of all processes that were started and have ended."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
