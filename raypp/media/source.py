"""Results of discovery: files by kind."""

from dataclasses import dataclass
from enum import StrEnum

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .qt .mkv .webm .avi .divx .ts .m2ts .mts .m2t .mpg .mpeg .mpe .vob .wmv .asf .flv .f4v .3gp .3g2 "  # noqa: SIM905
    ".gif .ogv .mxf .dv .h264 .264 .avc .h265 .265 .hevc .m1v .m2v .mjpg .mjpeg".split()
)
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .bmp .dib .tif .tiff .webp .jp2 .avif .ppm .pgm .pnm .tga".split()  # noqa: SIM905
)
UNREADABLE_SUFFIXES = {
    **dict.fromkeys(".dav .ifv .g64 .sec .rm .rmvb .ogm .ivf .y4m .braw .r3d".split(), "mp4"),  # noqa: SIM905
    **dict.fromkeys(
        ".heic .heif .hif .jxl .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .psd .exr .hdr .pfm .j2k .jpx".split(),  # noqa: SIM905
        "jpg or png",
    ),
}
"""Videos and images that nothing here decodes, and what to convert them into."""


class SourceKind(StrEnum):
    """Kind of a source."""

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
        kind: video or image.
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


def suffix_of(name: str) -> str:
    """Return the suffix of a file's name in lower case, with its dot; empty if it has none."""
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""
