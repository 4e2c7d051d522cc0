"""An older commit beside this tree, in the same environment, so that a row compares the two in one run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
BEFORE = "71664e3"
"""The commit that "before" means: the last one in which nothing had been made faster."""
_OWN = ("OMP_WAIT_POLICY", "PYTHONDONTWRITEBYTECODE")
"""Variables that are not handed on: raypp sets the first one itself, as soon as it is imported here."""


@contextmanager
def checked_out(folder: Path, commit: str = BEFORE) -> Iterator[Path]:
    """Check an older commit out into a folder, as long as the context is open."""
    tree = folder / f"older-{commit}"
    git = ["git", "-C", str(ROOT)]
    subprocess.run([*git, "worktree", "add", "--quiet", "--force", "--detach", str(tree), commit], check=True)
    try:
        yield tree
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)


def run_in(tree: Path, call: list[str], **environment: str) -> str:
    """Run Python in a tree, with its code, whichever is installed; return what it printed.

    Args:
        tree: root of a checkout: an older one, or `ROOT`.
        call: arguments of Python, such as ["-m", "raypp", "verify", "veiled"] or a script's.
        environment: variables beside those of this process.

    Raises:
        subprocess.CalledProcessError: if it fails; what it wrote to its standard error is shown.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _OWN}
    variables = kept | {"PYTHONPATH": str(tree)} | environment
    done = subprocess.run(
        [sys.executable, *call], cwd=tree, env=variables, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout
