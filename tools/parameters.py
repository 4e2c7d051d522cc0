"""Functions with many parameters: only a command line has that many options."""

import ast
from pathlib import Path

from tools.allowed_list import Offence
from tools.sources import CODE, tracked, tree_of

MOST_PARAMETERS = 8
_COMMAND_LINE = "raypp/cli/"


def parameters(root: Path) -> list[Offence]:
    """Return each function outside the command line that takes too many parameters; `self` does not count."""
    found = []
    for path in tracked(root, CODE, ".py"):
        if path.as_posix().startswith(_COMMAND_LINE):
            continue
        for node in ast.walk(tree_of(root / path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (count := _count(node)) > MOST_PARAMETERS:
                key = f"{path}:{node.name}"
                found.append(
                    Offence(key, f"{key}: {count} parameters, at most {MOST_PARAMETERS}; gather them in a value")
                )
    return found


def _count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    named = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in named if name not in {"self", "cls"}])
