"""What the commands of README and docs leave in a working tree: secrets and plain frames are not offered to git."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.command import ROOT

_SECRETS = (
    "--key",
    "--data-key",
    "--token-file",
    "--passphrase-file",
    "--front-secret-file",
    "--spool",
    "--next-epoch",
)
_PRIVATE = ("keygen", "site add", "operator add", "audit-log", "show", "audit", "compare", "fit", "export")
"""Commands whose --out is a secret, stays inside, or is too large for git."""


def _commands() -> Iterator[list[str]]:
    """Words of each `raypp` command in README and docs, with what a backslash continues."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for line in page.read_text().replace("\\\n", " ").splitlines():
            for command in re.findall(r"(?:^|`|\$ )(?:\S*/)?(raypp [^`#|>]+)", line):
                try:
                    yield shlex.split(command)
                except ValueError:  # prose with an apostrophe
                    continue


def _left_behind() -> set[str]:
    """Relative names that those commands give to secrets, and to what stays inside."""
    names = set()
    for words in _commands():
        named = " ".join(words[1:3])
        private = any(named == pattern or words[1] == pattern for pattern in _PRIVATE)
        for option, value in pairwise(words):
            if option in _SECRETS or (private and option == "--out"):
                names.add(value)
    return {name for name in names if re.fullmatch(r"[a-z0-9][\w./-]*", name)}


def test_git_ignores_the_secrets_and_plain_frames_that_documented_commands_leave() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git working tree")
    names = _left_behind()
    assert {"owner.key", "front.secret"} <= names, "the commands of README and docs are found"
    paths = [name if Path(name).suffix or name in ("token", "phrase") else f"{name}/" for name in sorted(names)]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *paths], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert sorted(set(paths) - set(done.stdout.split())) == []
