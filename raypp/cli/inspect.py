"""The `raypp inspect` command."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from raypp.cli.options import DataKeyFile
from raypp.errors import OptionError
from raypp.text.printable import printable


def inspect(
    path: Annotated[
        Path | None, typer.Argument(help="A spec, key, shard, manifest, label table, detector bundle or archive.")
    ] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="Print the fields of a veil spec with their ranges.")
    ] = False,
    data_key: DataKeyFile = None,
) -> None:
    """Say what a file is and what it holds; of a key, only its fingerprint.

    Example: raypp inspect veiled
    """
    from raypp.api.files import describe_file

    console = Console()
    if fields:
        console.print(_field_table())
    elif path is None:
        raise OptionError("inspect needs the path of a spec, key, shard, manifest, label table, bundle or archive")
    else:
        for name, value in describe_file(path, data_key=data_key).items():
            console.print(f"{name:<16}{printable(value)}", highlight=False, markup=False, soft_wrap=True)


def _field_table() -> Table:
    """Return a table of the fields of a veil spec: default, range and meaning."""
    from raypp.veil.spec import PatchSpec

    table = Table("field", "default", "range", "meaning", box=None, pad_edge=False)
    for name, schema in PatchSpec.model_json_schema()["properties"].items():
        if "enum" in schema:
            allowed = ", ".join(map(str, schema["enum"]))
        elif "const" in schema:
            allowed = str(schema["const"])
        else:
            allowed = f"{schema['minimum']} to {schema['maximum']}"
        table.add_row(name, str(schema.get("default")), allowed, schema.get("description", ""))
    return table
