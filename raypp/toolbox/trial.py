"""A tool tried on mock data, in the sandbox that it will run in, and under the rules that its output will meet."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from raypp.progress import Progress
from raypp.sandbox.host import sandbox_host
from raypp.text.printable import printable_lines
from raypp.toolbox.bits import run_bits
from raypp.toolbox.mock import mock_data
from raypp.toolbox.package import ToolPackage
from raypp.toolbox.run import ToolTask, run_task, vet_run
from raypp.toolbox.summary import ReleasedTable, TriedTool


def try_tool(
    package: ToolPackage, given: Mapping[str, str], *, seed: int, least_cell: int, progress: Progress
) -> TriedTool:
    """Run a tool on mock data, and vet what it gives.

    Args:
        package: the tool.
        given: values of parameters; the others have their defaults.
        seed: of the data.
        least_cell: rows whose cell counts less would stay inside.
        progress: is told of the data's making.

    Raises:
        OptionError: if a parameter is out of its range, or the machine cannot isolate the tool.
    """
    manifest = package.manifest
    arguments = manifest.arguments(given)
    sandbox_host()
    with tempfile.TemporaryDirectory(prefix="raypp-mock-") as folder:
        data = mock_data(manifest.reads, Path(folder), seed, progress)
        outcome = run_task(ToolTask(package.content, arguments, data))
        result = vet_run(package, data, outcome, least_cell)
    return TriedTool(
        tool=manifest.name,
        version=manifest.version,
        digest=package.digest,
        parameters=arguments,
        bits=run_bits(manifest, data.levels),
        refused_by=result.rule,
        words=result.words,
        small={name: table.small for name, table in result.tables.items()},
        tables={name: ReleasedTable.of(table) for name, table in result.tables.items()},
        seconds=round(outcome.seconds, 3),
        messages=printable_lines(outcome.messages.decode(errors="replace")),
    )
