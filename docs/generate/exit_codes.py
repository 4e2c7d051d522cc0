"""The reference of exit codes, from the command line's own table."""

from raypp.cli.exit_codes import ATTENTION, MEANINGS, ExitCode


def page() -> str:
    """Return the page as Markdown: every code, and what needs attention, by command."""
    lines = ["# Exit codes", "", "| code | name | means |", "| --- | --- | --- |"]
    lines += [f"| {code.value} | {code.name.lower()} | {meaning} |" for code, meaning in MEANINGS.items()]
    code = ExitCode.ATTENTION.value
    lines += ["", "What needs attention, by command:", "", f"| command | {code} means |", "| --- | --- |"]
    lines += [f"| `{command}` | {meaning} |" for command, meaning in ATTENTION.items()]
    lines += ["", "An error is one line on standard error. It names the thing, the value and the remedy."]
    return "\n".join(lines) + "\n"
