"""The `raypp tool` commands: tools of researchers come in, and only vetted output leaves."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raypp.cli.console import ConsoleProgress, error_console
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.ledger import note, say_all
from raypp.cli.options import JsonFile
from raypp.cli.tool_approval import tool_approve, tool_review, tool_submit
from raypp.cli.tool_options import Parameters, ToolPlace, named_values, table_lines
from raypp.cli.tool_release import tool_list, tool_release, tool_revoke
from raypp.cli.tool_run import tool_run
from raypp.errors import OptionError
from raypp.text.wording import byte_size, counted

if TYPE_CHECKING:
    from raypp.toolbox.summary import TriedTool

tool = command_group("Let researchers' tools in: packed, approved by two persons, shut in; only vetted output leaves.")


@tool.command("pack")
def tool_pack(
    folder: Annotated[Path, typer.Argument(help="The tool's folder, with tool.yaml.")],
    out: Annotated[Path, typer.Option(help="Where to write the packed tool.")],
) -> None:
    """Pack a tool into one file; the same folder gives the same bytes.

    Example: raypp tool pack examples/tools/tool-uses --out tool-uses.tool
    """
    from raypp.io.atomic import write_bytes
    from raypp.toolbox.package import pack_folder

    package = pack_folder(folder)
    try:
        write_bytes(out, package.content)
    except OSError as error:
        raise OptionError(f"`out` {out}: {error.strerror}; name a file you may write") from None
    manifest = package.manifest
    note(f"tool {manifest.label}, reads {manifest.reads}: {counted(len(package.files), 'file')}, "
         f"{byte_size(len(package.content))}, digest {package.digest[:16]}: {out}")  # fmt: skip


@tool.command("test")
def tool_test(
    place: ToolPlace,
    parameter: Parameters = None,
    seed: Annotated[int, typer.Option(help="Of the mock data.")] = 0,
    least_cell: Annotated[
        int, typer.Option(help="Rows that count less stay inside, as the owner's policy has it.")
    ] = 10,
    json_file: JsonFile = None,
) -> None:
    """Run a tool on mock data, in the owner's sandbox and under the owner's rules; show all that happens.

    Example: raypp tool test examples/tools/tool-uses --parameter least_s=2
    """
    from raypp.toolbox.package import read_package
    from raypp.toolbox.trial import try_tool

    package = read_package(place)
    tried = try_tool(
        package,
        named_values(parameter),
        seed=seed,
        least_cell=least_cell,
        progress=ConsoleProgress(error_console()),
    )
    say_all(_trial_lines(tried))
    write_json(json_file, tried)
    if tried.refused_by is not None:
        raise OptionError(f"the run is refused by rule {tried.refused_by}: {tried.words}")


def _trial_lines(tried: "TriedTool") -> Iterator[str]:
    yield f"tool          {tried.tool} {tried.version}, digest {tried.digest[:16]}"
    yield f"took          {tried.seconds:.2f} s"
    yield f"may tell      {tried.bits} bits at most"
    for line in tried.messages.splitlines():
        yield f"it wrote      {line}"
    for name, table in tried.tables.items():
        yield from table_lines(name, table)
        yield f"  and {counted(tried.small[name], 'row')} too small to leave"


tool.command("submit")(tool_submit)
tool.command("review")(tool_review)
tool.command("approve")(tool_approve)
tool.command("run")(tool_run)
tool.command("release")(tool_release)
tool.command("revoke")(tool_revoke)
tool.command("list")(tool_list)
