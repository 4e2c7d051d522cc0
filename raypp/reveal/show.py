"""Plain frames of given sample_ids, drawn into a folder of those who hold the key and the sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pyarrow import fs
from pydantic import BaseModel, ConfigDict, Field

from raypp.dual_control.opening import Purpose, open_split_key
from raypp.dual_control.share import PersonsPassphrase, no_passphrase
from raypp.errors import OptionError
from raypp.io.filesystem import filesystem_of, is_url
from raypp.io.private import write_private
from raypp.key_sources.place import KeyPlace
from raypp.media.drawing import Mark
from raypp.progress import SILENT, Progress
from raypp.reveal.contact_sheet import contact_sheet, draw_marks, png
from raypp.reveal.lookup import VeiledRow
from raypp.reveal.marks import LabelMarks, label_marks, read_detections, read_sample_ids
from raypp.reveal.owner_side import OwnerSide
from raypp.reveal.plain import PlainFrame
from raypp.text.address import redacted
from raypp.veil.key import VeilKey

SHEET_FILE = "contact-sheet.png"


@dataclass(frozen=True)
class ShowRequest:
    """Frames to draw, and what they are found by.

    Attributes:
        archive: the veiled archive.
        out: folder for the plain images; not within the archive.
        key_path: owner's or site's key.
        sample_ids: which frames.
        from_csv: file with more of them, in its column sample_id; None for none.
        limit: take at most so many of the file.
        sources: where to look for sources that moved; empty for where they were.
        private: the owner's side of the archive; None for the folder beside it.
        masks_path: privacy masks that it was veiled with.
        views_path: views that it was veiled with, where no plan has them.
        labels_version: label version to draw; None for the newest that labels the frame.
        detections: CSV of detections to draw; None for none.
        data_key_path: data key of encrypted shards.
        shares: shares of two persons, where the key is a split one.
        reason: why two persons open it; stands in their logs.
    """

    archive: str
    out: Path
    key_path: KeyPlace
    sample_ids: tuple[str, ...] = ()
    from_csv: Path | None = None
    limit: int = 20
    sources: tuple[str, ...] = ()
    private: Path | None = None
    masks_path: Path | None = None
    views_path: Path | None = None
    labels_version: str | None = None
    detections: Path | None = None
    data_key_path: KeyPlace | None = None
    shares: tuple[Path, ...] = ()
    reason: str = ""

    @property
    def owner_side(self) -> OwnerSide:
        """Places of what gives plain frames back."""
        return OwnerSide(
            archive=self.archive,
            key_path=self.key_path,
            sources=self.sources,
            private=self.private,
            masks_path=self.masks_path,
            views_path=self.views_path,
            data_key_path=self.data_key_path,
        )


class ShownFrame(BaseModel):
    """One frame that was drawn."""

    model_config = ConfigDict(frozen=True)

    sample_id: str
    source: str = Field(description="plain place of its source")
    site: str
    camera: str
    timestamp_us: int = Field(description="presentation time since the source's start, microseconds")
    captured_at_us: int | None = Field(description="capture time, UTC microseconds since 1970, where known")
    labels_version: str | None = Field(description="label version that was drawn; None for a frame without labels")
    labels: int = Field(description="labels drawn")
    detections: int = Field(description="detections drawn")
    image: str = Field(description="the PNG file")


class ShowSummary(BaseModel):
    """Result of `raypp show`."""

    model_config = ConfigDict(frozen=True)

    out: str
    shown: tuple[ShownFrame, ...]
    problems: tuple[str, ...] = Field(description="one line for each sample that could not be drawn")


def show_frames(
    request: ShowRequest, progress: Progress = SILENT, passphrase: PersonsPassphrase = no_passphrase
) -> ShowSummary:
    """Draw plain frames with their labels, one image each and all of them on a sheet.

    A split key is opened by two persons' shares once the logs of both have an entry that names these frames.

    Args:
        request: which frames, and what they are found by.
        progress: is told how far it is.
        passphrase: gives a person's passphrase, for a share that is sealed.

    Raises:
        OptionError: if none are named, or the folder lies within the archive or cannot be written.
        KeyFileError: if the key is not that of the archive, or a share does not open it.
        ConflictError: if the logs of the two persons differ.
        ShardError, LabelError, MediaError: if archive, labels or sources cannot be read.
    """
    archive, out = request.archive, request.out
    _refuse_inside(out, archive)
    wanted = _wanted(request)
    plain = request.owner_side.open(progress, _open_by_two(request, wanted, passphrase))
    labelled = label_marks(plain.reader.store, request.labels_version, wanted)
    detected = read_detections(request.detections, wanted) if request.detections else {}
    rows: dict[str, VeiledRow] = {}
    frames: dict[str, PlainFrame] = {}
    reasons: dict[str, str] = {}
    for row, frame in plain.recover(wanted):
        rows[row.sample_id] = row
        if isinstance(frame, str):
            reasons[row.sample_id] = frame
        else:
            frames[row.sample_id] = frame
    shown = [
        _Shown(rows[sample], frames[sample], labelled.get(sample), detected.get(sample, ()))
        for sample in wanted
        if sample in frames
    ]
    _save(shown, out)
    problems = [reasons.get(sample) or _unknown(sample, archive) for sample in wanted if sample not in frames]
    return ShowSummary(out=str(out), shown=tuple(frame.summary(out) for frame in shown), problems=tuple(problems))


def _open_by_two(request: ShowRequest, wanted: Sequence[str], passphrase: PersonsPassphrase) -> VeilKey | None:
    """Open the request's split key; None where no shares are given, and the key is to be a whole one."""
    if not request.shares:
        return None
    purpose = Purpose("show", redacted(request.archive), request.reason, tuple(wanted))
    return open_split_key(request.key_path, request.shares, purpose, passphrase)


def clock_time(timestamp_us: int) -> str:
    """Word a presentation time, such as 0:01:02.500."""
    seconds, millis = divmod(timestamp_us // 1000, 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}"


@dataclass(frozen=True)
class _Shown:
    row: VeiledRow
    frame: PlainFrame
    labels: LabelMarks | None
    detections: Sequence[Mark]

    def draw(self) -> Image.Image:
        return draw_marks(self.frame.square, self.labels.marks if self.labels else (), self.detections)

    def path(self, out: Path) -> Path:
        return out / f"{self.row.sample_id}.png"

    def summary(self, out: Path) -> ShownFrame:
        return ShownFrame(
            sample_id=self.row.sample_id,
            source=self.frame.url,
            site=self.row.site,
            camera=self.row.camera,
            timestamp_us=self.row.timestamp_us,
            captured_at_us=self.row.captured_at_us,
            labels_version=self.labels.version if self.labels else None,
            labels=len(self.labels.marks) if self.labels else 0,
            detections=len(self.detections),
            image=str(self.path(out)),
        )


def _save(shown: Sequence[_Shown], out: Path) -> None:
    if not shown:
        return
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        images = [frame.draw() for frame in shown]
        for frame, image in zip(shown, images, strict=True):
            write_private(frame.path(out), png(image))
        captions = [
            (f"{frame.row.sample_id[:12]}  {clock_time(frame.row.timestamp_us)}", redacted(frame.frame.url))
            for frame in shown
        ]
        write_private(out / SHEET_FILE, png(contact_sheet(images, captions)))
    except OSError as error:
        raise OptionError(f"`out` {out}: {error.strerror}; choose a folder that can be written") from None


def _refuse_inside(out: Path, archive: str) -> None:
    """Plain images must not land where veiled ones are shared from."""
    place = archive
    if is_url(archive):
        filesystem, place = filesystem_of(archive)
        if not isinstance(filesystem, fs.LocalFileSystem):
            return
    if out.resolve().is_relative_to(Path(place).resolve()):
        raise OptionError(
            f"`out` {out} lies within the archive {archive}, and plain images would leave the perimeter with it; "
            "choose a folder outside it"
        )


def _wanted(request: ShowRequest) -> list[str]:
    named = read_sample_ids(request.from_csv)[: request.limit] if request.from_csv else []
    wanted = list(dict.fromkeys([*request.sample_ids, *named]))
    if not wanted:
        where = f"{request.from_csv} names none" if request.from_csv else "none were named"
        raise OptionError(f"show needs sample_ids, and {where}; name some, or give a CSV of them with `from_`")
    return wanted


def _unknown(sample_id: str, archive: str) -> str:
    return f"sample {sample_id}: {archive} has no such frame; look the id up in the archive that it came from"
