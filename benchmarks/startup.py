"""`python -m benchmarks.startup --against COMMIT`: how long commands take to say what they do, beside an older commit.

The older commit is checked out and installed in a folder of its own. Each command's `--help` runs in both trees in
turns, so that a busy machine slows both alike; of several runs the shortest counts.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ending import interrupt_on_sigterm

ROOT = Path(__file__).parents[1]
COMMANDS = (
    (),
    ("keygen",),
    ("veil",),
    ("verify",),
    ("inspect",),
    ("show",),
    ("split",),
    ("train",),
    ("evaluate",),
    ("export",),
    ("fit",),
    ("compare",),
    ("frontier",),
    ("audit",),
    ("serve",),
    ("stream",),
    ("site", "add"),
    ("report",),
    ("reaggregate",),
    ("forget",),
    ("audit-log",),
    ("demo",),
)


def main() -> None:
    """Print a row for each command: CPU seconds of the older commit, of this tree, and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--against", default="2e2db3b", help="the older commit")
    parser.add_argument("--runs", type=int, default=3, help="runs of each command in each tree")
    options = parser.parse_args()
    with _checked_out(options.against) as older:
        print(f"{'command':<20} {options.against:>10} {'here':>10} {'ratio':>7}")
        _row(
            "import raypp", [[str(tree / ".venv/bin/python"), "-c", "import raypp"] for tree in (older, ROOT)], options
        )
        for command in COMMANDS:
            calls = [[str(tree / ".venv/bin/raypp"), *command, "--help"] for tree in (older, ROOT)]
            _row(" ".join(("raypp", *command)), calls, options)


def _row(name: str, calls: list[list[str]], options: argparse.Namespace) -> None:
    pairs = [[_cpu_seconds(call) for call in calls] for _ in range(options.runs)]
    before, now = (min(column) for column in zip(*pairs, strict=True))
    print(f"{name:<20} {before:>8.2f} s {now:>8.2f} s {now / before:>7.2f}", flush=True)


def _cpu_seconds(call: list[str]) -> float:
    """CPU time, in seconds, of a process and those that it waited for."""
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="raypp-startup-") as folder:
        tree = Path(folder, "older")
        git = ["git", "-C", str(ROOT)]
        subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            make = ["make", "setup", f"PYTHON={sys.executable}"]
            subprocess.run(make, check=True, cwd=tree, env=environment, stdout=subprocess.DEVNULL)
            yield tree
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
