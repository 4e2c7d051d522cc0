"""The `raypp split` command: train and val for frames whose labels came without."""

from typing import Annotated

import typer

from raypp.cli.console import error_console
from raypp.cli.options import ArchiveUrl, DataKeyFile
from raypp.shards.split_by import SplitBy


def split(
    archive: ArchiveUrl,
    name: Annotated[str, typer.Option(help="Name of the new label version.")],
    labels: Annotated[
        list[str] | None,
        typer.Option(help="Label version to start from (default: the only one); again to join several by class names."),
    ] = None,
    by: Annotated[SplitBy, typer.Option(help="time: the end of each source is val; source: whole sources are.")] = (
        SplitBy.TIME
    ),
    val: Annotated[float, typer.Option(help="Share that becomes val.")] = 0.2,
    gap_seconds: Annotated[float, typer.Option(help="Seconds between train and val that are left out.")] = 1.0,
    data_key: DataKeyFile = None,
) -> None:
    """Write a label version in which every labelled frame is train or val; needs no veil key.

    Example: raypp split veiled --name shift-a --by source --val 0.25

    Example: raypp split veiled --name both --labels video-v1 --labels stills-v1
    """
    from raypp.shards.encryption import DataKey
    from raypp.shards.labels import dataset_version
    from raypp.shards.reader import ShardReader
    from raypp.shards.splitting import Split, write_split

    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None)
    table = write_split(reader, labels, name, Split(by, val, gap_seconds))
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(table.splits.items()))
    error_console().print(
        f"labels        {table.version}: {counted} frames\ndataset       {dataset_version(reader.manifest, table)}",
        highlight=False,
        markup=False,
    )
