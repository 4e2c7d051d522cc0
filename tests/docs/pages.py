"""Pages of the docs site and README as text, cut into what a check looks at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.command import ROOT

README = ROOT / "README.md"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])[*)]* (?=[A-Z*`(]|raypp|ultralytics)")
_MARK = re.compile(r"<!-- (?P<kind>run|not run): (?P<what>[^\n]+?) -->\n\Z")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
        info: its language, or nothing.
        text: what stands in it.
        mark: the comment right above it as (`run` or `not run`, what follows), or None.
    """

    info: str
    text: str
    mark: tuple[str, str] | None


def pages() -> list[Path]:
    """Every page that people write: README and docs."""
    return [README, *sorted((ROOT / "docs").rglob("*.md"))]


def results() -> list[Path]:
    """Every page of measured figures."""
    return sorted((ROOT / "benchmarks" / "results").glob("*.md"))


def blocks(text: str) -> Iterator[Block]:
    """Every fenced block of a page, in order."""
    for match in _FENCE.finditer(text):
        above = _MARK.search(text[: match.start()])
        yield Block(match["info"], match["text"], (above["kind"], above["what"]) if above else None)


def prose(text: str) -> str:
    """A page without blocks, tables, comments, images and addresses of links."""
    bare = re.sub(r"<!--.*?-->", "", _FENCE.sub("", text), flags=re.DOTALL)
    bare = "\n".join(line for line in bare.splitlines() if not line.lstrip().startswith(("|", "![", "#")))
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", bare)


def sentences(text: str) -> list[str]:
    """Sentences of a page's prose; an item of a list ends one."""
    cut = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[*-]|\d+\.|:) )", prose(text)):
        flat = re.sub(r"`[^`]*`", "Code", " ".join(paragraph.split()))
        cut += [sentence for sentence in _SENTENCE.split(flat) if len(sentence.split()) > 1]
    return cut
