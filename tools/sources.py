"""The tree's own source files."""

import ast
import subprocess
from pathlib import Path

CODE = ("raypp", "actors", "jobs")
PYTHON = (*CODE, "tests", "benchmarks", "tools", "examples", "findings")


def tracked(root: Path, folders: tuple[str, ...], suffix: str) -> list[Path]:
    """Return the files below folders that git tracks or would, sorted, as paths relative to the root."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({Path(name) for name in names if name.endswith(suffix) and (root / name).is_file()})


def tree_of(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text(), str(path))


def module_name(path: Path) -> str:
    """Return the dotted name of a module's file."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
