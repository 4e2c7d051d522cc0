"""What is printed stands as it is: a class or folder called `[/red]` neither ends a command nor vanishes."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _open_to_markup() -> Iterator[str]:
    """Every print on a console of a text with values in it that leaves rich's markup on without escaping anything."""
    for path in sorted([*ROOT.joinpath("raypp").rglob("*.py"), *ROOT.joinpath("jobs").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "print"):
                continue
            source = ast.unparse(node)
            values = any(
                isinstance(part_of_text, ast.FormattedValue) for part in node.args for part_of_text in ast.walk(part)
            )
            if (
                "onsole" in ast.unparse(node.func.value)
                and values
                and "markup=False" not in source
                and "escape(" not in source
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_value_is_printed_as_markup() -> None:
    assert list(_open_to_markup()) == []
