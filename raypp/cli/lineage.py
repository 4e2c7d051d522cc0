"""The `raypp lineage` command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from raypp.cli.json_file import json_option, write_json
from raypp.cli.options import DataKeyFile, key_option
from raypp.errors import OptionError
from raypp.text.printable import printable

if TYPE_CHECKING:
    from raypp.lineage.node import LineageNode

_MOST_SOURCES = 20


def lineage(
    model: Annotated[Path, typer.Argument(help="A bundle, a run of `raypp train`, or its detector folder.")],
    archive: Annotated[str | None, typer.Option(help="The archive that it was trained on.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="Certificate of an audit of its veil.")] = None,
    fit: Annotated[Path | None, typer.Option(help="Folder of the fit that made its veil or its start.")] = None,
    sources: Annotated[
        bool, typer.Option("--sources", help="Inside the perimeter: name videos and images, and the key's epoch.")
    ] = False,
    private: Annotated[
        Path | None, typer.Option(help="The owner's side of the archive, for --sources (default: ARCHIVE-private).")
    ] = None,
    key: Annotated[str | None, key_option("Owner's key, for its epoch.")] = None,
    data_key: DataKeyFile = None,
    openlineage: Annotated[Path | None, json_option("OpenLineage events, one a line", flag="--openlineage")] = None,
    croissant: Annotated[Path | None, json_option("the dataset's Croissant description", flag="--croissant")] = None,
    json_file: Annotated[Path | None, json_option("the lineage")] = None,
) -> None:
    """Trace a detector down to its data, labels, veil, key, fit and certificate, each by digest.

    Example: raypp lineage tools.model --archive veiled --certificate certificate.json

    Example: raypp lineage tools.model --archive veiled --sources --key owner.key --openlineage events.ndjson
    """
    from raypp.ingest.settings import owner_side
    from raypp.lineage.croissant import describe_dataset
    from raypp.lineage.openlineage import to_events
    from raypp.lineage.trace import LineageRequest, trace_lineage
    from raypp.shards.encryption import DataKey
    from raypp.shards.reader import ShardReader
    from raypp.veil.keyfile import load_owner_key, resolve_key_place

    if archive is None and (sources or private or croissant):
        raise OptionError("--sources, --private and --croissant need the archive; name it by --archive")
    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None) if archive else None
    request = LineageRequest(
        model=model,
        archive=reader,
        certificate=certificate,
        fit=fit,
        key=load_owner_key(resolve_key_place(key)) if key else None,
        private=(private or owner_side(archive)) if archive and sources else None,
    )
    traced = trace_lineage(request)
    Console(soft_wrap=True).print(_tree(traced))
    write_json(json_file, traced)
    write_json(openlineage, (event + "\n" for event in to_events(traced)), "--openlineage")
    if reader is not None and croissant is not None:
        write_json(croissant, (describe_dataset(reader, traced),), "--croissant")


def _tree(node: "LineageNode") -> Tree:
    tree = Tree(_text(node))
    _grow(tree, node)
    return tree


def _grow(tree: Tree, node: "LineageNode") -> None:
    shown = node.origins[:_MOST_SOURCES]
    for origin in shown:
        _grow(tree.add(_text(origin)), origin)
    if len(node.origins) > len(shown):
        tree.add(Text(f"and {len(node.origins) - len(shown):,} more, which --json FILE has"))


def _text(node: "LineageNode") -> Text:
    facts = "; ".join(f"{name} {value}" for name, value in node.facts.items() if value)
    return Text(printable(f"{node.kind} {node.name}" + (f": {facts}" if facts else "")))
