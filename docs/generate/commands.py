"""The reference of the command line, from the commands themselves."""

import inspect
from collections.abc import Iterator
from typing import Any

from raypp.cli.commands import COMMANDS, load_command


def commands() -> dict[str, Any]:
    """Every command by its full name, such as `site add`."""
    by_name: dict[str, Any] = {}
    for name in COMMANDS:
        by_name.update(_flat(name, load_command(name)))
    return by_name


def _flat(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for sub, under in command.commands.items():
        yield from _flat(f"{name} {sub}", under)


def page() -> str:
    """Return the page as Markdown: one section for each command, its options with defaults."""
    lines = ["# Commands", "", "`raypp COMMAND --help` prints the same. [Exit codes](exit-codes.md) has the statuses."]
    for name, command in sorted(commands().items()):
        lines += ["", f"## raypp {name}", "", *_described(command.help or ""), ""]
        for parameter in command.params:
            if getattr(parameter, "hidden", False) or parameter.name in {"install_completion", "show_completion"}:
                continue
            lines += _parameter(parameter)
    return "\n".join(lines) + "\n"


def _described(text: str) -> list[str]:
    """Help as paragraphs; its examples as blocks."""
    lines: list[str] = []
    for line in inspect.cleandoc(text).replace("\f", "").splitlines():
        example = line.removeprefix("Example: ")
        lines += ["```bash", example, "```"] if example != line else [line]
    return lines


def _parameter(parameter: Any) -> list[str]:
    """An argument by its name, or an option by all its spellings, and what there is to know of it."""
    if parameter.param_type_name == "argument":
        return [f"`{parameter.name.upper()}`", f":   {parameter.help or 'See above.'}", ""]
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    facts = [parameter.help or ""]
    if parameter.required:
        facts.append("Required.")
    elif parameter.default not in (None, False, (), []) and not callable(parameter.default):
        facts.append(f"Default: `{getattr(parameter.default, 'value', parameter.default)}`.")
    if choices := getattr(parameter.type_descriptor, "choices", ()):
        facts.append(f"One of {', '.join(f'`{choice}`' for choice in choices)}.")
    return [names, f":   {' '.join(facts)}", ""]
