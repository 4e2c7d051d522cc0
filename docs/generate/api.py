"""The reference of the Python API, from signatures and docstrings."""

import inspect
import re
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

MODULES = ("raypp.shards.reader", "raypp.veil.veil", "jobs.shard_source")
"""Modules that a notebook imports."""


def page() -> str:
    """Return the page as Markdown: each public class and function of the modules."""
    lines = ["# Python API"]
    for name in MODULES:
        module = import_module(name)
        lines += ["", f"## {name}", "", *_docstring(module)]
        for item, value in public(module).items():
            lines += ["", f"### {name}.{item}", "", *_signature(item, value), "", *_docstring(value)]
            if inspect.isclass(value):
                for method, of in vars(value).items():
                    if not method.startswith("_") and callable(getattr(value, method)):
                        shown = inspect.unwrap(getattr(of, "__func__", of))
                        lines += ["", f"#### {item}.{method}", "", *_signature(method, shown), "", *_docstring(shown)]
    return "\n".join(lines) + "\n"


def public(module: ModuleType) -> dict[str, Callable[..., object]]:
    """Public classes and functions that a module defines itself, by name."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    values = {name: getattr(module, name) for name in names}
    return {
        name: value
        for name, value in values.items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__.startswith(module.__name__)
    }


def _signature(name: str, value: Callable[..., object]) -> list[str]:
    try:
        words = str(inspect.signature(value))
    except ValueError:
        words = "(...)"
    return ["```python", f"{name}{words}", "```"]


def _docstring(value: object) -> list[str]:
    """Docstring as Markdown: sections such as `Args:` become bold, their entries a list."""
    lines: list[str] = []
    for line in (inspect.getdoc(value) or "").splitlines():
        if re.fullmatch(r"(Args|Returns|Raises|Yields|Attributes):", line):
            lines += [f"**{line[:-1]}**", ""]
        elif entry := re.match(r"^    (\w+): (.*)$", line):
            lines.append(f"* `{entry[1]}`: {entry[2]}")
        else:
            lines.append(line.strip() if line.startswith("    ") else line)
    return lines
