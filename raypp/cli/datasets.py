"""The commands of `raypp dataset`: versions of an archive listed, compared, tagged, pinned."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from raypp.cli.console import error_console, say
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.options import ArchiveUrl, DataKeyFile, JsonFile

if TYPE_CHECKING:
    from raypp.shards.reader import ShardReader

dataset = command_group("List, compare and tag the dataset versions of an archive: its shards with a label version.")

VERSION_HELP = "A tag, a label version (with the archive as it is now), or the first digits of a version."
_Version = Annotated[str | None, typer.Option(help=f"{VERSION_HELP} Default: the only label version.")]
TagName = Annotated[str, typer.Argument(help="Name of the tag.")]


@dataset.command("log")
def log(archive: ArchiveUrl, data_key: DataKeyFile = None, json_file: JsonFile = None) -> None:
    """List the dataset versions of an archive, the latest first: what it holds now, and what tags pin.

    Example: raypp dataset log veiled
    """
    from raypp.cli.dataset_printing import print_log
    from raypp.datasets.log import read_log

    versions = read_log(_reader(archive, data_key).store)
    print_log(Console(), versions)
    write_json(json_file, versions)


@dataset.command("diff")
def diff(
    archive: ArchiveUrl,
    first: Annotated[str, typer.Argument(help=VERSION_HELP)],
    second: Annotated[str, typer.Argument(help="What it is compared with, named likewise.")],
    data_key: DataKeyFile = None,
    json_file: JsonFile = None,
) -> None:
    """Compare two dataset versions: frames, boxes, classes, sites and sources that came, went or changed.

    Example: raypp dataset diff veiled baseline video-v2
    """
    from raypp.cli.dataset_printing import diff_lines
    from raypp.datasets.diff import diff_versions
    from raypp.datasets.version import find_version

    reader = _reader(archive, data_key)
    differences = diff_versions(reader, find_version(reader.store, first), find_version(reader.store, second))
    say(Console(soft_wrap=True), diff_lines(differences))
    write_json(json_file, differences)


@dataset.command("tag")
def tag(
    archive: ArchiveUrl,
    name: TagName,
    version: _Version = None,
    data_key: DataKeyFile = None,
    json_file: JsonFile = None,
) -> None:
    """Tag a dataset version. The tag pins it: nothing removes or changes its frames and labels until `untag`.

    Example: raypp dataset tag veiled baseline --version video-v1
    """
    from raypp.datasets.version import find_version
    from raypp.shards.tags import write_tag

    store = _reader(archive, data_key).store
    chosen = find_version(store, version)
    written = write_tag(store, name, chosen.manifest, chosen.labels)
    say(error_console(), [f"tag           {written.name}: version {written.version}, labels {written.labels}"])
    write_json(json_file, written)


@dataset.command("pin")
def pin(
    archive: ArchiveUrl,
    out: Annotated[Path, typer.Option(help="The pin file (.json), to be kept with the code that trains.")],
    version: _Version = None,
    data_key: DataKeyFile = None,
) -> None:
    """Write a dataset version's digests as a file. `raypp train --dataset FILE` then trains on that version alone.

    Example: raypp dataset pin veiled --version baseline --out dataset.json
    """
    from raypp.datasets.pin import write_pin
    from raypp.datasets.version import find_version

    written = write_pin(find_version(_reader(archive, data_key).store, version), out)
    say(error_console(), [f"pin           {out}: version {written.version}, labels {written.labels}"])


@dataset.command("untag")
def untag(archive: ArchiveUrl, name: TagName, data_key: DataKeyFile = None) -> None:
    """Remove a tag; frames and labels stay, and nothing pins them any more.

    Example: raypp dataset untag veiled baseline
    """
    from raypp.shards.tags import remove_tag

    removed = remove_tag(_reader(archive, data_key).store, name)
    say(error_console(), [f"untagged      {removed.name}: version {removed.version}, labels {removed.labels}"])


def _reader(archive: str, data_key: str | None) -> "ShardReader":
    from raypp.shards.encryption import DataKey
    from raypp.shards.reader import ShardReader

    return ShardReader(archive, DataKey.load(data_key) if data_key else None)
