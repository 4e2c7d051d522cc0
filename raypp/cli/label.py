"""The `raypp label` commands: labels and plain frames for labelling tools inside the perimeter, and back."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from raypp.cli.commands import require_packages
from raypp.cli.console import ConsoleProgress, error_console, say, say_address
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.group import command_group
from raypp.cli.json_file import write_json
from raypp.cli.options import (
    ArchiveUrl,
    DataKeyFile,
    JsonFile,
    LabelsVersion,
    MovedSources,
    OwnerFolder,
    VeiledMasks,
    VeiledViews,
    VeilKeyFile,
)
from raypp.errors import OptionError
from raypp.io.private import private_folder, write_private
from raypp.media.annotations.label_tool import LabelTool

label = command_group("Labels for COCO, CVAT and Label Studio, and back; true uses of tools; inside the perimeter.")


@label.command("export")
def export_labels(
    archive: ArchiveUrl,
    to: Annotated[LabelTool, typer.Option(help="Format of the labels.")],
    out: Annotated[Path, typer.Option(help="Folder for labels and plain images; not within the archive.")],
    labels: LabelsVersion = None,
    split: Annotated[str | None, typer.Option(help="Only frames of this split.")] = None,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Whether to write the plain frames.")] = True,
    key: VeilKeyFile = None,
    sources: MovedSources = None,
    private: OwnerFolder = None,
    masks: VeiledMasks = None,
    views: VeiledViews = None,
    data_key: DataKeyFile = None,
) -> None:
    """Write labels and their plain frames as a labelling tool imports them; needs the key and the sources.

    Example: raypp label export veiled --to cvat --key owner.key --out cvat
    """
    from raypp.key_sources.place import optional_key_place
    from raypp.label_exchange.outgoing import IMAGE_SUFFIX, outgoing_annotations
    from raypp.media.annotations.writing import document_files
    from raypp.reveal.label_images import write_label_images
    from raypp.reveal.owner_side import OwnerSide
    from raypp.shards.encryption import DataKey
    from raypp.shards.labels import list_versions, only_version, read_labels
    from raypp.shards.place import refuse_within_archive
    from raypp.shards.reader import ShardReader
    from raypp.veil.keyfile import resolve_key_place

    console = error_console()
    refuse_within_archive(out, "labels and plain images")
    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None)
    table = read_labels(reader.store, labels or only_version(archive, list_versions(reader.store)))
    annotations = outgoing_annotations(table, reader.header.size, split)
    problems: dict[str, str] = {}
    try:
        private_folder(out)
        if images:
            side = OwnerSide(
                archive=archive,
                key_path=resolve_key_place(key),
                sources=tuple(sources or ()),
                private=private,
                masks_path=masks,
                views_path=views,
                data_key_path=optional_key_place(data_key),
            )
            progress = ConsoleProgress(console)
            names = [image.name.removesuffix(IMAGE_SUFFIX) for image in annotations.images]
            problems = write_label_images(side.open(progress), names, out, progress)
            shown = [image for image in annotations.images if image.name.removesuffix(IMAGE_SUFFIX) not in problems]
            annotations = replace(annotations, images=tuple(shown))
        for name, content in document_files(annotations, to).items():
            write_private(out / name, content)
    except OSError as error:
        raise OptionError(f"`out` {out}: {error.strerror}; choose a folder that can be written") from None
    say(console, problems.values())
    boxes = sum(len(image.shapes) for image in annotations.images)
    say(console, [f"labels        {table.version}: {len(annotations.images)} frames, {boxes} boxes, in {out}"])
    end_with_attention(bool(problems))


@label.command("import")
def import_labels(
    document: Annotated[Path, typer.Argument(help="What the tool exported: a JSON or an XML.")],
    archive: Annotated[str, typer.Option(help="The veiled archive.")],
    from_: Annotated[LabelTool, typer.Option("--from", help="Format of the document.")],
    name: Annotated[str, typer.Option(help="Name of the new label version.")],
    labels: LabelsVersion = None,
    data_key: DataKeyFile = None,
    json_file: JsonFile = None,
) -> None:
    """Write a label version from a tool's document; frames that it lacks keep their labels. Needs no veil key.

    Example: raypp label import cvat/annotations.xml --archive veiled --from cvat --name tools-v2
    """
    from raypp.label_exchange import incoming
    from raypp.shards.encryption import DataKey
    from raypp.shards.labels import list_versions, only_version, read_labels
    from raypp.shards.reader import ShardReader

    console = error_console()
    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None)
    there = [version for version in list_versions(reader.store) if version != name]
    table = read_labels(reader.store, labels or only_version(archive, there))
    summary = incoming.import_labels(reader, table, document, from_, name)
    say(console, summary.problems)
    say(console, [f"labels        {name}: {summary.images} frames read, {summary.changed} of them changed"])
    write_json(json_file, summary)
    end_with_attention(bool(summary.problems))


@label.command("uses")
def mark_uses(
    video: Annotated[Path, typer.Argument(help="The video, as it was recorded.")],
    tool: Annotated[list[str], typer.Option(help="A tool whose uses are marked; repeat. Key 1 chooses the first.")],
    out: Annotated[
        Path | None, typer.Option(help="CSV of uses, kept at each change; VIDEO.uses.csv by default.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1 for the page; 0 for any.", min=0, max=65535)] = 0,
) -> None:
    """Mark where uses of tools begin and end, on a page of this machine that plays the plain video.

    Example: raypp label uses bench.mp4 --tool hammer --tool saw
    """
    from raypp.shards.place import refuse_within_archive
    from raypp.usage.true_uses import check_tools, uses_path

    console = error_console()
    check_tools(tool)
    path = out or uses_path(video)
    if path.resolve() == video.resolve():
        raise OptionError(f"`out` {path} is the video itself; choose another file")
    refuse_within_archive(path, "true uses")
    require_packages(("av", "starlette", "uvicorn", "jinja2"), "label uses")
    from raypp.reveal.uses_page import serve_uses
    from raypp.reveal.video_frames import VideoFrames
    from raypp.usage.use_marks import UseMarks

    with VideoFrames(video, ConsoleProgress(console)) as frames, UseMarks(path, tool, frames.end_us) as marks:
        serve_uses(frames, marks, tool, port, say_address)
        begun = sorted({use.tool for use in marks.uses if use.end_us is None})
        say(console, [f"uses          {len(marks.uses)} in {path}" if marks.uses else "uses          none marked"])
        say(console, [f"{name} is begun and not ended; run the command again, and mark its end" for name in begun])
    end_with_attention(bool(begun))
