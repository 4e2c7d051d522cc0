"""The plain frames of labels, as files for a labelling tool inside the perimeter."""

from collections.abc import Collection
from pathlib import Path

from PIL import Image

from raypp.errors import OptionError
from raypp.io.private import write_private
from raypp.progress import SILENT, Progress
from raypp.reveal.contact_sheet import png
from raypp.reveal.owner_side import OwnerFrames


def write_label_images(
    plain: OwnerFrames, names: Collection[str], folder: Path, progress: Progress = SILENT
) -> dict[str, str]:
    """Write the square of each frame as SAMPLE_ID.png, of mode 0600; returns why each other one cannot be had.

    Args:
        plain: gives plain frames back.
        names: sample_ids.
        folder: where they go; it is there.
        progress: is told how far it is.

    Raises:
        OptionError: if the folder cannot be written to.
        ShardError: if the archive cannot be read.
    """
    problems = {name: f"sample {name}: the archive has no such frame" for name in names}
    with progress.task("writing images", len(names)) as advance:
        for row, frame in plain.recover(names):
            if isinstance(frame, str):
                problems[row.sample_id] = frame
                continue
            try:
                write_private(folder / f"{row.sample_id}.png", png(Image.fromarray(frame.square)))
            except OSError as error:
                raise OptionError(f"`out` {folder}: {error.strerror}; choose a folder that can be written") from None
            del problems[row.sample_id]
            advance(1, "", 1)
    return problems
