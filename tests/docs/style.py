"""`python -m tests.docs.style`: what pages of docs and README must keep to, with each fault on a line."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from tests.command import ROOT
from tests.docs.pages import README, blocks, pages, prose, results, sentences

LONGEST_LINE, LONGEST_CELL, MOST_WORDS, MOST_WORDS_A_SENTENCE = 100, 80, 1200, 17
README_LINES, README_WORDS = 110, 700
_COMMAND = re.compile(r"^(\$ )?(\S*/)?(raypp|make|ray|serve|pip|openssl|curl|git|cat|python) ", re.MULTILINE)
_RESULT_FACTS = ("when", "commit", "hardware", "data", "command")


def faults(page: Path, text: str) -> Iterator[str]:
    """Every fault of one page that people write."""
    yield from _lines(text)
    yield from _cells(text)
    yield from _words(page, text)
    yield from _sentences(text)
    yield from _commands(text)


def result_faults(text: str) -> Iterator[str]:
    """Every fault of one page of measured figures."""
    yield from _lines(text)
    yield from _sentences(text)
    rows = dict(re.findall(r"^\| (\w+) \| ([^|\n]+) \|$", text, re.MULTILINE))
    for fact in _RESULT_FACTS:
        if fact not in rows:
            yield f"does not say {fact} in the table at its top"


def _lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_LINE and not line.startswith("|"):
            yield f"line {number} has {len(line)} characters; at most {LONGEST_LINE}"


def _cells(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for cell in line.strip("| ").split(" | ") if line.startswith("|") else ():
            shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)
            if len(shown) > LONGEST_CELL:
                yield f"line {number} has a cell of {len(shown)} characters; at most {LONGEST_CELL}"


def _words(page: Path, text: str) -> Iterator[str]:
    most = README_WORDS if page == README else MOST_WORDS
    if (count := len(text.split())) > most:
        yield f"has {count} words; at most {most}"
    if page == README and (lines := len(text.splitlines())) > README_LINES:
        yield f"has {lines} lines; at most {README_LINES}"


def _sentences(text: str) -> Iterator[str]:
    lengths = [len(sentence.split()) for sentence in sentences(text)]
    if lengths and mean(lengths) > MOST_WORDS_A_SENTENCE:
        yield f"has {mean(lengths):.1f} words a sentence; at most {MOST_WORDS_A_SENTENCE}"
    if ";" in re.sub(r"`[^`]*`", "", prose(text)) and (chains := re.findall(r"[^.\n]*;[^.\n]*;[^.\n]*", prose(text))):
        yield f"has a chain of semicolons: {chains[0].strip()[:60]}"


def _commands(text: str) -> Iterator[str]:
    for block in blocks(text):
        first = block.text.splitlines()[0] if block.text else ""
        if not block.info:
            yield f"has a block without a language: {first[:60]}"
        commands = block.info in {"bash", "console"} or (not block.info and _COMMAND.search(block.text))
        if commands and block.mark is None:
            yield f"has commands without `<!-- run: TEST -->` or `<!-- not run: REASON -->` above: {first[:60]}"
        if block.mark and block.mark[0] == "run":
            yield from _unrun(block.text, block.mark[1])


def _unrun(text: str, test: str) -> Iterator[str]:
    """Faults of a block that names a test: it is not there, or does not run a command of the block."""
    place = ROOT / test
    if not place.exists():
        yield f"names a test that is not there: {test}"
        return
    source = "".join(file.read_text() for file in ([place] if place.is_file() else sorted(place.rglob("*.py"))))
    if "tests.docs.pages" in source:  # it runs what stands on the page
        return
    for command in sorted(set(re.findall(r"raypp ([a-z][a-z-]*)", text))):
        if not re.search(rf"[\"' ]{command}[\"' ]", source):
            yield f"names a test that does not run raypp {command}: {test}"


def main() -> int:
    """Print every fault; 1 if there is any."""
    lines = [(page, fault) for page in pages() for fault in faults(page, page.read_text())]
    lines += [(page, fault) for page in results() for fault in result_faults(page.read_text())]
    for page, fault in lines:
        print(f"{page.relative_to(ROOT)}: {fault}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
