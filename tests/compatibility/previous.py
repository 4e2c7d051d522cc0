"""The tree of the version before: the last one whose wire or ledger was another, out of git's history."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.command import ROOT, environment

VARIABLE = "RAYPP_PREVIOUS"
"""Names a commit that is to be the version before, in place of the one that is looked for."""
_CONTRACTS = ("protos/raypp.proto", "raypp/ledger/migrations/versions")
_NEEDED = "import actors.application, jobs.serve_models, raypp.edge.agent, raypp.cli.stream"


def previous_tree(folder: Path) -> Path:
    """Lay the version before down in a folder that is not there yet; skips the test where there is none to be had."""
    commit = os.environ.get(VARIABLE) or _before_the_last_change()
    try:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"git has no tree of {commit}: fetch the whole history, or name a commit by {VARIABLE}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    usable = subprocess.run(
        [sys.executable, "-P", "-c", f"{_NEEDED}; print(raypp.__file__)"],
        env=environment(PYTHONPATH=str(folder)),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if usable.returncode:
        pytest.skip(f"version {commit[:12]} does not run with what is installed: {usable.stderr.splitlines()[-1]}")
    assert usable.stdout.startswith(str(folder)), "another tree is in its way"
    return folder


def _before_the_last_change() -> str:
    """Name the commit before the last change of a contract: HEAD, where the change is not committed yet."""
    if not _git("rev-parse", "--git-dir"):
        pytest.skip("this is no clone of git's: there is no version before")
    if _git("status", "--porcelain", "--", *_CONTRACTS):
        return _git("rev-parse", "HEAD")
    changed = _git("log", "-1", "--first-parent", "--format=%H", "--", *_CONTRACTS)
    before = _git("rev-parse", "--verify", "--quiet", f"{changed}^") if changed else ""
    if not before:
        pytest.skip(f"the clone is shallow and ends before the last change of {' and '.join(_CONTRACTS)}")
    return before


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
