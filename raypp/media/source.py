"""What discovery finds: files by kind."""

from dataclasses import dataclass
from enum import StrEnum

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .ts .m2ts .mts .mpg .mpeg .wmv .flv .3gp .gif .asf .ogv".split()  # noqa: SIM905
)
IMAGE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".jp2"])


class SourceKind(StrEnum):
    """What a source is."""

    VIDEO = "video"
    IMAGE = "image"


@dataclass(frozen=True)
class SourceFile:
    """One file to veil.

    Attributes:
        url: local path or URL.
        relative: its place below the source it was found in.
        size: bytes.
        mtime_ns: time of change where known.
        kind: video or picture.
        site, camera, start: what an inventory says of it, or None.
    """

    url: str
    relative: str
    size: int
    mtime_ns: int | None
    kind: SourceKind
    site: str | None = None
    camera: str | None = None
    start: str | None = None


@dataclass(frozen=True)
class Problem:
    """Something found that cannot be used, and why."""

    url: str
    reason: str
