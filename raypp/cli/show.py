"""The `raypp show` command: plain frames of given sample_ids, for those who hold the key and the sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from pyarrow import fs
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from raypp.cli.console import ConsoleProgress, error_console
from raypp.cli.exit_codes import end_with_attention
from raypp.cli.json_file import write_json
from raypp.cli.options import ArchiveUrl, DataKeyFile, JsonFile, VeilKeyFile
from raypp.errors import KeyFileError, OptionError
from raypp.ingest.job import load_plan
from raypp.ingest.planner import VeilPlan
from raypp.ingest.settings import owner_side
from raypp.io.filesystem import filesystem_of, is_url
from raypp.io.private import write_private
from raypp.media.discovery import discover
from raypp.media.drawing import Mark
from raypp.media.masks import load_masks
from raypp.reveal.contact_sheet import contact_sheet, draw_marks, png
from raypp.reveal.lookup import SourceFinder, VeiledRow, find_rows
from raypp.reveal.marks import LabelMarks, label_marks, read_detections, read_sample_ids
from raypp.reveal.plain import PlainFrame, recover
from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ArchiveHeader
from raypp.text.address import redacted
from raypp.veil.key import SiteKey, VeilKey, fingerprint
from raypp.veil.keyfile import load_key, resolve_key_path

SHEET_FILE = "contact-sheet.png"
_LIMIT = 20


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


def show(
    archive: ArchiveUrl,
    out: Annotated[Path, typer.Option(help="Folder for the plain images; not within the archive.")],
    sample_ids: Annotated[list[str] | None, typer.Argument(help="Which frames.")] = None,
    from_csv: Annotated[
        Path | None, typer.Option("--from", help="Take ids from this CSV's column sample_id, too.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Take at most this many ids from the CSV.", min=1)] = _LIMIT,
    key: VeilKeyFile = None,
    sources: Annotated[
        list[str] | None, typer.Option(help="Where to look for sources that moved, as for `raypp veil`; repeat.")
    ] = None,
    private: Annotated[
        Path | None, typer.Option(help="The owner's side of the archive (default: ARCHIVE-private).")
    ] = None,
    masks: Annotated[Path | None, typer.Option(help="Privacy masks that the archive was veiled with.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="Label version to draw (default: the newest that labels the frame).")
    ] = None,
    detections: Annotated[
        Path | None, typer.Option(help="Draw detections of this CSV: sample_id,class,confidence,x,y,w,h.")
    ] = None,
    data_key: DataKeyFile = None,
    json_file: JsonFile = None,
) -> None:
    """Draw the plain frames of sample_ids with their labels; needs the key and the sources.

    Example: raypp show veiled 3f1c8a... --key owner.key --out looked-at

    Example: raypp show veiled --from label-suspects.csv --key owner.key --out looked-at
    """
    console = error_console()
    _refuse_inside(out, archive)
    reader = ShardReader(archive, DataKey.load(data_key) if data_key else None)
    keyring = _load_key(resolve_key_path(key), archive, reader.header)
    wanted = _wanted(sample_ids, from_csv, limit)
    labelled = label_marks(reader.store, labels, wanted)
    detected = read_detections(detections, wanted) if detections else {}
    mask_set = load_masks(masks) if masks else None
    discovery = discover(sources) if sources else None
    finder = SourceFinder(keyring, _plan(archive, private, sources), discovery, ConsoleProgress(console))
    rows = find_rows(reader, wanted)
    recovered = recover(list(rows.values()), finder, reader.header, mask_set)
    shown = [
        _Shown(rows[one], recovered.frames[one], labelled.get(one), detected.get(one, ()))
        for one in wanted
        if one in recovered.frames
    ]
    _save(shown, out)
    problems = [recovered.problems.get(one) or _unknown(one, archive) for one in wanted if one not in recovered.frames]
    summary = ShowSummary(out=str(out), shown=tuple(one.summary(out) for one in shown), problems=tuple(problems))
    for frame in summary.shown:
        Console(soft_wrap=True).print(
            f"{frame.sample_id}  {_time(frame.timestamp_us)}  {redacted(frame.source)}", highlight=False, markup=False
        )
    for problem in problems:
        console.print(redacted(problem), highlight=False, markup=False)
    if shown:
        console.print(
            f"{len(shown)} of {len(wanted)} drawn into {out}; all on {out / SHEET_FILE}", highlight=False, markup=False
        )
    write_json(json_file, summary)
    end_with_attention(bool(problems))


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
        images = [one.draw() for one in shown]
        for one, image in zip(shown, images, strict=True):
            write_private(one.path(out), png(image))
        captions = [
            (f"{one.row.sample_id[:12]}  {_time(one.row.timestamp_us)}", redacted(one.frame.url)) for one in shown
        ]
        write_private(out / SHEET_FILE, png(contact_sheet(images, captions)))
    except OSError as error:
        raise OptionError(f"--out {out}: {error.strerror}; choose a folder that can be written") from None


def _refuse_inside(out: Path, archive: str) -> None:
    """Plain images must not land where veiled ones are shared from."""
    place = archive
    if is_url(archive):
        filesystem, place = filesystem_of(archive)
        if not isinstance(filesystem, fs.LocalFileSystem):
            return
    if out.resolve().is_relative_to(Path(place).resolve()):
        raise OptionError(
            f"--out {out} lies within the archive {archive}, and plain images would leave the perimeter with it; "
            "choose a folder outside it"
        )


def _load_key(path: Path, archive: str, header: ArchiveHeader) -> VeilKey | SiteKey:
    key = load_key(path)
    if key.public_key.hex() != header.public_key:
        theirs = fingerprint(bytes.fromhex(header.public_key))
        raise KeyFileError(
            f"key file {path} has fingerprint {fingerprint(key.public_key)}, but {archive} (veil {header.veil_id}) was "
            f"veiled with the key of fingerprint {theirs}; use that key and its epoch"
        )
    return key


def _wanted(sample_ids: Sequence[str] | None, from_csv: Path | None, limit: int) -> list[str]:
    named = read_sample_ids(from_csv)[:limit] if from_csv else []
    wanted = list(dict.fromkeys([*(sample_ids or ()), *named]))
    if not wanted:
        where = f"{from_csv} names none" if from_csv else "none were named"
        raise OptionError(f"show needs sample_ids, and {where}; name some, or give a CSV of them with --from")
    return wanted


def _plan(archive: str, private: Path | None, sources: Sequence[str] | None) -> VeilPlan:
    """Read the owner's plan; there may be none only where sources are named."""
    if private is None and not is_url(archive):
        private = owner_side(archive)
    plan = load_plan(private) if private else VeilPlan()
    if not plan.segments and not sources:
        raise OptionError(
            f"there is no plan of {archive} in {private or 'any local folder'}; name the owner's side of it with "
            "--private, or its sources with --sources"
        )
    return plan


def _unknown(sample_id: str, archive: str) -> str:
    return f"sample {sample_id}: {archive} has no such frame; look the id up in the archive that it came from"


def _time(timestamp_us: int) -> str:
    seconds, millis = divmod(timestamp_us // 1000, 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}"
