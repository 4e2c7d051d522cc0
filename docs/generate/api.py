"""The reference of the Python API, from signatures, fields and docstrings of what `raypp` exports."""

import ast
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

import raypp
from docs.generate.models import fields_of

_LONGEST = 100


def page() -> str:
    """Return the page as Markdown: functions first, then what they take, then what they give."""
    functions = {name: getattr(raypp, name) for name in raypp.__all__ if inspect.isfunction(getattr(raypp, name))}
    taken = {name: getattr(raypp, name) for name in raypp.__all__ if name not in functions}
    given = {name: value for name, value in named_types().items() if name not in raypp.__all__}
    lines = ["# Python API", "", *_docstring(import_module("raypp.api")), ""]
    for title, values in (("Functions", functions), ("Values to give", taken), ("Values that come back", given)):
        lines += [f"## {title}", ""]
        for name, value in values.items():
            lines += list(_section(name, value))
    return "\n".join(lines).rstrip() + "\n"


def named_types() -> dict[str, type]:
    """Return the classes of raypp that the functions of `raypp.api` name in their signatures, by name."""
    classes: dict[str, type] = {}
    for module in _modules("raypp.api"):
        text = ast.parse(inspect.getsource(module))
        for node in ast.walk(text):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("raypp."):
                imported = import_module(str(node.module))
                values = {alias.name: getattr(imported, alias.name) for alias in node.names}
                classes |= {name: value for name, value in values.items() if inspect.isclass(value)}
    text = "".join(inspect.getsource(module) for module in _modules("raypp.api"))
    signatures = " ".join(re.findall(r"^def [a-z]\w+\((?:.|\n)*?\) -> .*:$", text, re.MULTILINE))
    direct = {name: value for name, value in classes.items() if re.search(rf"\b{name}\b", signatures)}
    results = {name: value for name, value in direct.items() if name not in raypp.__all__}
    return dict(sorted((direct | _named_by(results)).items()))


def _named_by(classes: dict[str, type]) -> dict[str, type]:
    """Return the classes of raypp that the methods of classes name in their signatures."""
    below: dict[str, type] = {}
    for value in classes.values():
        known = {name: item for name, item in vars(inspect.getmodule(value)).items() if inspect.isclass(item)}
        methods = [item for name, item in vars(value).items() if name == "__iter__" or not name.startswith("_")]
        words = " ".join(str(inspect.signature(item)) for item in methods if inspect.isfunction(item))
        below |= {
            name: item
            for name, item in known.items()
            if item.__module__.startswith("raypp.") and re.search(rf"\b{name}\b", words)
        }
    return below


def _modules(name: str) -> list[ModuleType]:
    """Return a module, or a package with its modules."""
    module = import_module(name)
    places = getattr(module, "__path__", ())
    below = [path.stem for place in places for path in sorted(Path(place).glob("*.py")) if path.stem != "__init__"]
    return [module, *(import_module(f"{name}.{part}") for part in below)]


def _section(name: str, value: object) -> Iterator[str]:
    yield from (f"### {name}", "")
    if inspect.isclass(value) and issubclass(value, BaseModel):
        summary, _, _ = (inspect.getdoc(value) or "").partition("Attributes:")
        yield from (summary.strip(), "", *fields_of(value), "")
        return
    if not (inspect.isclass(value) and issubclass(value, Enum | Exception)):
        yield from (*_signature(name, value), "")
    yield from (*_docstring(value), "")
    if inspect.isclass(value):
        for method, member in vars(value).items():
            if not method.startswith("_") and callable(getattr(value, method)):
                shown = inspect.unwrap(getattr(member, "__func__", member))
                yield from (f"#### {name}.{method}", "", *_signature(method, shown), "", *_docstring(shown), "")


def _signature(name: str, value: object) -> list[str]:
    """Signature as a block, a parameter a line where one line would be long; types by their names alone."""
    signature = inspect.signature(value)
    words = f"{name}{_short(str(signature))}"
    if len(words) > _LONGEST:
        parameters = [_short(line) for line in _parameters(signature)]
        _, arrow, returned = _short(str(signature)).rpartition(" -> ")
        words = "\n".join([f"{name}(", *(f"    {one}," for one in parameters), f"){arrow}{returned}"])
    return ["```python", *words.splitlines(), "```"]


def _parameters(signature: inspect.Signature) -> list[str]:
    lines, keywords = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            lines, keywords = [*lines, "*"], True
        lines.append(str(parameter))
    return lines


def _short(words: str) -> str:
    unquoted = re.sub(r"(: |-> )'([^']*)'", r"\1\2", words)  # types that are named before they are loaded
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", unquoted)


def _docstring(value: object) -> list[str]:
    """Docstring as Markdown: sections such as `Args:` become bold, their entries a list."""
    lines: list[str] = []
    for line in (inspect.getdoc(value) or "").splitlines():
        if re.fullmatch(r"(Args|Returns|Raises|Yields|Attributes):", line):
            lines += [f"**{line[:-1]}**", ""]
        elif entry := re.match(r"^    ([\w, ]+): (.*)$", line):
            lines.append(f"* `{entry[1]}`: {entry[2]}")
        else:
            lines.append(line.strip() if line.startswith("    ") else line)
    return lines
