"""Sources of a camera: a live one, or recordings in order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from raypp.errors import MediaError, OptionError
from raypp.media.capture_time import CaptureClock
from raypp.media.container import VideoInfo, probe
from raypp.media.discovery import discover
from raypp.media.files import open_source
from raypp.media.source import SourceKind
from raypp.text.address import redacted_camera

LIVE_SCHEMES = frozenset(["rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "http", "https", "tcp", "udp"])


@dataclass(frozen=True)
class Recording:
    """One recorded video.

    Attributes:
        url: where it is.
        start_us: capture time of its presentation time 0, microseconds since 1970; None where nothing tells.
        info: what its container says.
    """

    url: str
    start_us: int | None
    info: VideoInfo


def is_live(source: str) -> bool:
    """Whether a source is a network stream or a device rather than a recording."""
    return source.startswith("/dev/") or (("://" in source) and urlsplit(source).scheme.lower() in LIVE_SCHEMES)


def check_sources(sources: Sequence[str], camera: str) -> None:
    """Raise OptionError if a camera has no source, or a live one beside others."""
    if not sources:
        raise OptionError(f"camera {camera} has no source; give a file, folder, URL or device")
    live = [source for source in sources if is_live(source)]
    if live and len(sources) > 1:
        raise OptionError(
            f"camera {camera}: {redacted_camera(live[0])} is live and must be its only source; it has others"
        )


def list_recordings(sources: Sequence[str]) -> list[str]:
    """List the videos of files, folders and URLs, sorted by name.

    Raises:
        MediaError: if a source does not exist or holds no video.
    """
    discovery = discover(sources)
    videos = [file.url for file in discovery.files if file.kind is SourceKind.VIDEO]
    if not videos:
        raise MediaError(f"{', '.join(sources)} holds no video; give a file, folder or URL of videos")
    return videos


def open_recording(url: str, clock: CaptureClock) -> Recording:
    """Look at a recording; raises MediaError if it is no video, or its name does not hold the time that it should."""
    stream = open_source(url)
    try:
        info = probe(stream)
    finally:
        stream.close()
    return Recording(url, clock.start_us(url, info), info)
