"""One run of a tool: its files and its data staged, run in the sandbox, and what comes out vetted."""

import json
from dataclasses import dataclass, field

from raypp.errors import OptionError
from raypp.sandbox.launch import SandboxProgram
from raypp.sandbox.run import SandboxOutcome, run_program
from raypp.sandbox.staging import staging_folder
from raypp.toolbox.data import ToolData
from raypp.toolbox.manifest import MANIFEST
from raypp.toolbox.package import ToolPackage, unpack_tool
from raypp.toolbox.rules import Rule
from raypp.toolbox.vetting import BrokenRuleError, VettedTable, vet
from raypp.toolbox.wheels import unpack_wheels


@dataclass(frozen=True, repr=False)
class ToolTask:
    """All that a run needs; it may be sent to another node.

    Attributes:
        content: the packed tool.
        arguments: of all parameters.
        data: what it reads.
    """

    content: bytes
    arguments: dict[str, str]
    data: ToolData


@dataclass(frozen=True)
class ToolResult:
    """Hold what came of a run.

    Attributes:
        rule: that it broke; None: it is vetted.
        words: how it broke the rule; for the owner alone.
        tables: that may leave; none where a rule was broken.
        outcome: of the sandbox; for the owner alone.
    """

    rule: Rule | None
    words: str
    outcome: SandboxOutcome
    tables: dict[str, VettedTable] = field(default_factory=dict)


def run_task(task: ToolTask) -> SandboxOutcome:
    """Run a tool in the sandbox of this machine.

    Raises:
        OptionError: if the machine cannot isolate it, or a wheel cannot be used; nothing was run.
        RayppError: if its data cannot be read.
    """
    package = unpack_tool(task.content, "the tool")
    manifest = package.manifest
    try:
        with staging_folder() as folder:
            code, wheels, data = (folder / name for name in ("code", "wheels", "data"))
            for place in (code, wheels, data):
                place.mkdir(mode=0o755)
            for name, content in package.code.items():
                if name != MANIFEST:
                    path = code / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
            unpack_wheels(package.wheels, wheels)
            task.data.write(data)
            (data / "parameters.json").write_text(json.dumps(task.arguments))
            program = SandboxProgram(code, wheels if package.wheels else None, data, manifest.entry, manifest.outputs)
            return run_program(program, manifest.resources, task.data.feed())
    except OSError as error:
        raise OptionError(f"a run needs a folder for temporary files (TMPDIR): {error.strerror or error}") from None


def vet_run(package: ToolPackage, data: ToolData, outcome: SandboxOutcome, least_cell: int) -> ToolResult:
    """Vet what a run gave; `least_cell` as for `vet`."""
    try:
        tables = vet(outcome, package.manifest, data.names, least_cell)
    except BrokenRuleError as error:
        return ToolResult(error.rule, str(error), outcome)
    return ToolResult(None, "", outcome, tables)
