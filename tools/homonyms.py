"""Public classes and functions of one name in more than one module: a name of the package has one meaning."""

import ast
from collections import defaultdict
from pathlib import Path

from tools.allowed_list import Offence
from tools.sources import module_name, tracked, tree_of

_FRONTS = ("raypp.cli", "raypp.api", "raypp.web")
"""Their functions are named after what they command, call or show: such a name has one meaning in two places."""
_GENERATED = "raypp.ledger.migrations.versions"


def homonyms(root: Path) -> list[Offence]:
    """Return each public name that two modules of `raypp` define, with the modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in tracked(root, ("raypp",), ".py"):
        module = module_name(path)
        if not module.startswith(_GENERATED):
            for name in _public(tree_of(root / path), is_front=module.startswith(_FRONTS)):
                places[name].append(module)
    return [
        Offence(name, f"{name}: {len(modules)} meanings: {', '.join(modules)}; name each after what it is")
        for name, modules in places.items()
        if len(modules) > 1
    ]


def _public(module: ast.Module, *, is_front: bool) -> set[str]:
    """Names of a module's own classes and functions; of methods and of nested functions none."""
    kinds = (ast.ClassDef,) if is_front else (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in module.body if isinstance(node, kinds) and not node.name.startswith("_")}
