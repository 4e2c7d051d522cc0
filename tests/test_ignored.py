"""What the commands of README and docs leave in a working tree is not offered to git: secrets, frames, results."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.docs.pages import blocks, pages

_SECRETS = (
    "--key",
    "--data-key",
    "--token-file",
    "--passphrase-file",
    "--share",
    "--front-secret-file",
    "--spool",
    "--next-epoch",
)
_RESULTS = ("--out", "--report", "--json", "--private")
_WRITTEN = re.compile(r"^(?:\$ )?[a-z][^`|\n]*? > ([\w./-]+)", re.MULTILINE)


def _commands() -> Iterator[list[str]]:
    """Words of each `raypp` command in README and docs, with what a backslash continues."""
    for page in pages():
        for line in page.read_text().replace("\\\n", " ").splitlines():
            for command in re.findall(r"(?:^|`|\$ )(?:\S*/)?(raypp [^`#|>]+)", line):
                try:
                    yield shlex.split(command)
                except ValueError:  # prose with an apostrophe
                    continue


def _left_behind() -> set[str]:
    """Relative names that those commands, and others in their blocks, give to secrets and results."""
    names = {value for words in _commands() for option, value in pairwise(words) if option in (*_SECRETS, *_RESULTS)}
    for page in pages():
        for block in blocks(page.read_text()):
            if block.info in {"bash", "console"}:
                names |= set(_WRITTEN.findall(block.text))
    return {name for name in names if re.fullmatch(r"[a-z0-9][\w./-]*", name)}


def test_git_ignores_what_documented_commands_leave() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git working tree")
    names = _left_behind()
    expected = {"owner.key", "front.secret", "veiled", "run", "report", "workshop.yaml"}
    assert expected <= names, "the commands of README and docs are found"
    paths = [name if Path(name).suffix or name in ("token", "phrase") else f"{name}/" for name in sorted(names)]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *paths], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert sorted(set(paths) - set(done.stdout.split())) == []
