"""Real frames that a generator learns from: codes and layouts of a labelled archive, checked before any work."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.labelled import LabelledReader
from raypp.errors import LabelError, ShardError, SpecError
from raypp.geometry.boxes import Box
from raypp.shards.schema import ArchiveHeader, Origin
from raypp.synthesis.layout import BoxLayout
from raypp.synthesis.settings import SynthesisSettings
from raypp.text.split_names import TRAIN, VAL
from raypp.text.wording import counted
from raypp.veil.packing import unpack

LEAST_FRAMES, LEAST_BOXES = 200, 20
COLUMNS = ("sample_id", "source", "sub_key", "code", "width", "height", "variant")


@dataclass(frozen=True, repr=False, eq=False)
class RealFrame:
    """A labelled frame.

    Attributes:
        sample_id: its identity.
        source: pseudonym, or plain name, of its file.
        codes_CRW: uint8[C, rows, columns], code values of its window.
        layout: its boxes.
    """

    sample_id: str
    source: str
    codes_CRW: npt.NDArray[np.uint8]
    layout: BoxLayout


@dataclass(frozen=True, repr=False, eq=False)
class RealFrames:
    """Frames of a label version.

    Attributes:
        header: of their archive.
        classes: names of the classes, by class_id.
        dataset_version: digest of archive and labels.
        train, val: frames of the splits.
        left_out: frames that hold a rare class, and names of those classes.
    """

    header: ArchiveHeader
    classes: tuple[str, ...]
    dataset_version: str
    train: tuple[RealFrame, ...]
    val: tuple[RealFrame, ...]
    left_out: tuple[int, tuple[str, ...]]


def read_real_frames(settings: SynthesisSettings) -> RealFrames:
    """Read the frames that a generator learns from, and those of `val` that it is judged by.

    Raises:
        ShardError, LabelError: if archive or labels are missing, damaged, too few, or of another veil.
        SpecError: if it is of a veil whose sub-keys no generator can learn together.
    """
    dataset = VeiledDataset.open(settings.archive, settings.labels_version, settings.data_key_path)
    _check_header(settings.archive, dataset.header)
    splits = dataset.splits
    train_frames = splits.get(TRAIN, 0)
    if train_frames < LEAST_FRAMES:
        others = ", ".join(f"{count} {name}" for name, count in sorted(splits.items()) if name != TRAIN) or "no others"
        raise LabelError(
            f"labels {dataset.labels_version} of {settings.archive} have {counted(train_frames, 'train frame')} ("
            f"{others}), and a generator of fewer than {LEAST_FRAMES} would learn them by heart; label more, or split "
            "them with `raypp split`"
        )
    reader = LabelledReader(settings.archive, dataset.labels_version, settings.data_key_path)
    train = tuple(_frames(reader.rows(TRAIN, COLUMNS), dataset.header))
    val = tuple(_frames(reader.rows(VAL, COLUMNS), dataset.header))
    rare = _rare(train, dataset.classes)
    if rare and not settings.leave_out_rare:
        names = ", ".join(f"{name} ({count})" for name, count in rare.items())
        raise LabelError(
            f"labels {dataset.labels_version} have fewer than {LEAST_BOXES} train boxes of {names}; label more, or "
            "leave out frames that hold them with `leave_out_rare`"
        )
    kept = _without(train, rare, dataset.classes)
    if len(kept) < LEAST_FRAMES:
        raise LabelError(
            f"without frames of {', '.join(rare)} labels {dataset.labels_version} have "
            f"{counted(len(kept), 'train frame')}, and {LEAST_FRAMES} are needed; label more"
        )
    return RealFrames(
        header=dataset.header,
        classes=dataset.classes,
        dataset_version=dataset.version,
        train=kept,
        val=_without(val, rare, dataset.classes),
        left_out=(len(train) - len(kept), tuple(rare)),
    )


def _check_header(archive: str, header: ArchiveHeader) -> None:
    if header.origin is not Origin.RECORDED:
        raise ShardError(
            f"archive {archive} is {header.origin}: a generator learns from recorded frames alone; name the archive "
            "that they were drawn from"
        )
    if header.spec.get("family", "patch") == "patch" and header.sub_keys > 1:
        raise SpecError(
            f"archive {archive} is of a patch veil with {header.sub_keys} sub-keys, and their codes have nothing in "
            "common; use a learned veil (`raypp fit`), or veil with one sub-key"
        )


def _frames(rows: Iterable[dict[str, object]], header: ArchiveHeader) -> Iterator[RealFrame]:
    for row in rows:
        if not row["variant"]:
            yield coded_frame(row, header)


def coded_frame(row: dict[str, object], header: ArchiveHeader) -> RealFrame:
    """Return a labelled row of an archive as a frame; raises ShardError if its code does not fit it."""
    boxes = tuple(Box(box["class_id"], box["x"], box["y"], box["w"], box["h"]) for box in row["boxes"])  # type: ignore[attr-defined]
    layout = BoxLayout(boxes, int(row["width"]), int(row["height"]), int(row["sub_key"]))  # type: ignore[call-overload]
    window = layout.window(header.size, header.patch)
    try:
        codes = unpack(row["code"], (header.channels, window.rows, window.columns), header.bits)  # type: ignore[arg-type]
    except ValueError as error:
        raise ShardError(
            f"the code of sample {row['sample_id']} does not fit its frame: {error}; run `raypp verify`"
        ) from None
    return RealFrame(str(row["sample_id"]), str(row["source"]), codes, layout)


def _rare(frames: Sequence[RealFrame], classes: Sequence[str]) -> dict[str, int]:
    """Classes with some boxes, but fewer than a generator can learn from."""
    boxes = Counter(box.class_id for frame in frames for box in frame.layout.boxes)
    return {name: boxes[number] for number, name in enumerate(classes) if 0 < boxes[number] < LEAST_BOXES}


def _without(frames: Sequence[RealFrame], rare: dict[str, int], classes: Sequence[str]) -> tuple[RealFrame, ...]:
    return tuple(frame for frame in frames if not any(classes[box.class_id] in rare for box in frame.layout.boxes))
