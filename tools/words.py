"""Words that the field does not use: each has one that it does."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tools.allowed_list import Offence
from tools.sources import PYTHON, tracked, tree_of

INSTEAD = {
    "picture": "image",
    "film": "video",
    "rebuild": "reconstruct",
    "rebuilt": "reconstructed",
    "rebuilding": "reconstructing",
    "nursery": "fork server",
    "keeper": "supervisor",
    "outsider": "ciphertext-only adversary",
    "crowd": "people",
    "blind guess": "blind baseline",
    "holder of pairs": "known-plaintext adversary",
    "holder of the key": "white-box adversary",
}
"""Words that stand nowhere: not in identifiers, messages, comments or pages."""
NAMES = {
    "one": "the item's noun",
    "made": "the item's noun",
    "found": "the item's noun",
    "told": "the item's noun",
    "asked": "the item's noun",
    "said": "the item's noun",
    "studio": "frame encoder",
    "course": "admission",
    "claim": "run folder",
    "study": "predict",
    "mistakes": "errors",
    "library": "ultralytics",
    "Veiling": "AttackTarget",
    "Bench": "ArmInputs",
    "Workshop": "SegmentWorker",
    "Plant": "DemoSites",
}
"""Names that nothing is given: as ordinary words of a sentence they are fine."""
_PLURAL = re.compile("|".join(rf"\b{word}(?:s|es)?\b" for word in INSTEAD), re.IGNORECASE)
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_WHAT = re.compile(r"What\b")
_SELF = ("tools/", "tests/tools/")


def words(root: Path) -> list[Offence]:
    """Return each word of the left column that a file holds, once a file, and docstrings that begin with "What"."""
    found = []
    for path in [*tracked(root, PYTHON, ".py"), *tracked(root, ("docs", "README.md", "CONTRIBUTING.md"), ".md")]:
        if not path.as_posix().startswith(_SELF):
            source = (root / path).read_text()
            held = _of_python(source, root / path) if path.suffix == ".py" else _of_text(source, 1)
            found += _once_a_file(path, held)
    return found


def _once_a_file(path: Path, held: Iterator[tuple[str, int]]) -> list[Offence]:
    first: dict[str, int] = {}
    for word, line in held:
        first.setdefault(word, line)
    return [Offence(f"{path}: {word}", f"{path}:{line}: {word}: {_remedy(word)}") for word, line in first.items()]


def _remedy(word: str) -> str:
    return f"say {INSTEAD.get(word) or NAMES[word]}" if word != "What" else "begin the docstring with a verb"


def _of_python(source: str, path: Path) -> Iterator[tuple[str, int]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield from _of_text(" ".join(_PART.findall(token.string)), token.start[0])
        elif token.type in {tokenize.STRING, tokenize.COMMENT}:
            yield from _of_text(token.string, token.start[0])
    for node in ast.walk(tree_of(path)):
        if (name := _given(node)) in NAMES:
            yield name, getattr(node, "lineno", 1)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring and _WHAT.match(docstring) and not isinstance(node, ast.Module):
                yield "What", getattr(node, "lineno", 1)


def _given(node: ast.AST) -> str:
    """Return the name that a node gives: of a variable, parameter, class or function; else no text."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else ""


def _of_text(text: str, line: int) -> Iterator[tuple[str, int]]:
    for held in _PLURAL.finditer(text):
        word = held[0].lower()
        base = next(base for base in sorted(INSTEAD, key=len, reverse=True) if word.startswith(base))
        yield base, line + text[: held.start()].count("\n")
