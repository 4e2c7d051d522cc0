"""Options that several commands have, in the same words."""

from pathlib import Path
from typing import Annotated, Any

import typer

from raypp.cli.json_file import json_option
from raypp.execution import On


def key_option(what: str) -> Any:
    """Declare an option that takes a key: its file, or the URL of its source."""
    return typer.Option(help=what, metavar="FILE|URL")


Architecture = Annotated[str, typer.Option(help="Architecture: yolov8n ... x, yolo11s, yolo26n ..., yolov7.")]
ArchiveUrl = Annotated[str, typer.Argument(help="The veiled archive.")]
CameraName = Annotated[str | None, typer.Option(help="Name of the camera.")]
DataKeyFile = Annotated[str | None, key_option("Data key of encrypted shards.")]
ImageData = Annotated[str, typer.Argument(help="Plain images in YOLO layout, with train and val.")]
ImageEpochs = Annotated[int, typer.Option(help="Passes over the training images.")]
Here = Annotated[bool, typer.Option("--here", hidden=True)]
JsonFile = Annotated[Path | None, json_option()]
LabelsVersion = Annotated[str | None, typer.Option(help="Label version (default: the only one).")]
MixedPrecision = Annotated[
    bool | None,
    typer.Option(
        "--amp/--no-amp", help="Mixed precision (default: where a GPU or a CPU with AMX is); elsewhere it is slower."
    ),
]
MovedSources = Annotated[
    list[str] | None,
    typer.Option(help="Where to look for sources that moved, as for `raypp veil`; repeat."),
]
NominalImages = Annotated[
    int, typer.Option(help="Images whose gradients make one step of the optimiser; small for few images.")
]
OneCamera = Annotated[str | None, typer.Option(help="Only this camera.")]
OwnerFolder = Annotated[Path | None, typer.Option(help="The owner's side of the archive (default: ARCHIVE-private).")]
OwnersKey = Annotated[str | None, key_option("Owner's key (default: RAYPP_KEY_FILE).")]
RayAddress = Annotated[str | None, typer.Option(help="Address of a running Ray (default: a local one).")]
RunsOn = Annotated[
    On,
    typer.Option(
        "--on", help="Where it runs: local is this process; auto is Ray where that, with its start, ends sooner."
    ),
]
Seed = Annotated[int, typer.Option(help="Of initial weights, order and augmentation.")]
SquareSize = Annotated[int, typer.Option(help="Side of the letterboxed square, in pixels.")]
VeilKeyFile = Annotated[str | None, key_option("Owner's or site's key (default: RAYPP_KEY_FILE).")]
VeiledMasks = Annotated[Path | None, typer.Option(help="Privacy masks that the archive was veiled with.")]
VeiledViews = Annotated[
    Path | None, typer.Option(help="Views that the archive was veiled with, where its plan is lost.")
]
