"""One table of exit codes: no command ends with another number, and each end that needs attention says why."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate import exit_codes
from raypp.cli.exit_codes import ATTENTION, MEANINGS, ExitCode
from tests.command import ROOT, raypp

_ENDS = {"Exit", "SystemExit", "exit", "_exit", "quit"}
_CALLED_OTHERWISE = {
    "count_images": "count images",
    "forget_archive": "forget-archive",
    "ledger_migrate": "ledger migrate",
    "ledger_move": "ledger move",
    "ledger_retain": "ledger retain",
    "retain_by_policy": "retain",
    "show_map": "ledger map",
    "site_list": "site list",
    "doctor": "site doctor",
    "discover": "site discover",
    "drift_check": "drift check",
    "device_list": "device list",
    "device_show": "device show",
    "cluster_doctor": "cluster doctor",
    "alerts_test": "alerts test",
    "alerts_send": "alerts send",
    "revoke_tokens": "site revoke",
    "expire_tokens": "site expire",
}
_CALLED_OTHERWISE |= {"report_executions": "report", "report_safety": "report"}
_CALLED_OTHERWISE |= {"answer_tickets": "ticket answer", "apply_tickets": "ticket apply"}
_CALLED_OTHERWISE |= {"export_labels": "label export", "import_labels": "label import", "mark_uses": "label uses"}


def _files() -> list[Path]:
    return [path for folder in ("raypp/cli", "jobs", "actors") for path in (ROOT / folder).rglob("*.py")]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _ends(tree: ast.AST) -> Iterator[str]:
    """Yield what calls that end a process are given, as it is written; "" for a bare `raise typer.Exit`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in _ENDS:
            yield ", ".join(ast.unparse(given) for given in (*node.args, *node.keywords))
        if isinstance(node, ast.Raise) and node.exc is not None and _name(node.exc) in _ENDS:
            yield ""


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("raise typer.Exit(3)", ["3"]),
        ("raise Exit", [""]),
        ("sys.exit(code=1)", ["code=1"]),
        ("os._exit(ExitCode.DONE)", ["ExitCode.DONE"]),
        ("raise SystemExit('no')", ["'no'"]),
        ("done.exit_code", []),
    ],
)
def test_every_way_to_end_a_process_is_seen(text: str, ends: list[str]) -> None:
    assert list(_ends(ast.parse(text))) == ends


def test_no_command_ends_with_a_number_of_its_own() -> None:
    codes = {f"ExitCode.{code.name}" for code in ExitCode}
    ends = {(str(path.relative_to(ROOT)), end) for path in _files() for end in _ends(ast.parse(path.read_text()))}
    assert {"ExitCode.FAILED", "ExitCode.ATTENTION", "ExitCode.INTERRUPTED"} <= {end for _, end in ends}
    assert {(path, end) for path, end in ends if end not in codes} == set()


def test_each_command_that_may_need_attention_says_why() -> None:
    functions = [
        node
        for path in _files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name != "make_command"
    ]
    commands = {
        _CALLED_OTHERWISE.get(function.name, function.name)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and _name(node.func) == "end_with_attention"
    }
    assert commands == set(ATTENTION)


def test_the_page_has_every_code() -> None:
    assert set(MEANINGS) == set(ExitCode)
    page = exit_codes.page()
    assert [f"\n| {code.value} | {code.name.lower()} | " in page for code in ExitCode] == [True] * len(ExitCode)
    assert [f"\n| `{command}` | {why} |" in page for command, why in ATTENTION.items()] == [True] * len(ATTENTION)


def test_commands_end_with_the_codes_of_the_table(tmp_path: Path) -> None:
    assert raypp("--version").returncode == ExitCode.DONE
    assert raypp("verify", tmp_path / "nowhere").returncode == ExitCode.FAILED
    assert raypp("verify", "--no-such-option").returncode == ExitCode.MISREAD
