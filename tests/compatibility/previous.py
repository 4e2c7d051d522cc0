"""The tree of the version before, out of git's history: the last one whose wire, or whose ledger, was another."""

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
WIRE, LEDGER = "protos/raypp.proto", "raypp/ledger/migrations/versions"
_NEEDED = "import actors.application, jobs.serve_models, raypp.edge.agent, raypp.cli.stream"


def previous_tree(folder: Path, contract: str) -> Path:
    """Lay the version before down in a folder that is not there yet; skips the test where there is none to be had.

    Args:
        folder: where it is laid down.
        contract: `WIRE` or `LEDGER`: the version before is that of before its last change.
    """
    return _laid_down(folder, os.environ.get(VARIABLE) or _before_the_last_change(contract))


def neighbour_tree(folder: Path) -> Path:
    """Lay down an older version with today's ledger: before the last change of the wire, or with that of the ledger.

    Skips the test where both changed with HEAD.
    """
    commit = os.environ.get(VARIABLE) or _before_the_last_change(WIRE)
    if _git("rev-parse", f"{commit}:{LEDGER}") != _git("rev-parse", f"HEAD:{LEDGER}"):
        commit = _git("log", "-1", "--first-parent", "--format=%H", "--", LEDGER)
        if commit == _git("rev-parse", "HEAD"):
            pytest.skip(f"no version but this one has this ledger; name an older commit by {VARIABLE}")
    return _laid_down(folder, commit)


def _laid_down(folder: Path, commit: str) -> Path:
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


def _before_the_last_change(contract: str) -> str:
    """Name the commit before the last change of a contract: HEAD, where the change is not committed yet."""
    if not _git("rev-parse", "--git-dir"):
        pytest.skip("this is no clone of git's: there is no version before")
    if _git("status", "--porcelain", "--", contract):
        return _git("rev-parse", "HEAD")
    changed = _git("log", "-1", "--first-parent", "--format=%H", "--", contract)
    before = _git("rev-parse", "--verify", "--quiet", f"{changed}^") if changed else ""
    if not before:
        pytest.skip(f"the clone is shallow and ends before the last change of {contract}")
    return before


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
