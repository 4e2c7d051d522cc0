"""Whether a stream that has been read to its end lacks the last of what its container says."""

import av
from av.container import InputContainer

from raypp.media.container import VideoInfo, ends_us
from raypp.media.files import SourceStream
from raypp.media.timeline import DecodeReport

_END_SLACK_US = 1_000_000


def ends_early(info: VideoInfo, expected_us: int, report: DecodeReport) -> bool:
    """Whether a stream ends well before its container says."""
    slack_us = _END_SLACK_US + int(2_000_000 / info.average_rate)
    return (report.end_us or 0) + slack_us < expected_us


def goes_on(container: InputContainer, source: SourceStream) -> bool:
    """Whether another stream, sound most often, lasts as long as the container says: then nothing is missing."""
    end_us = ends_us(container)
    if not end_us:
        return False
    try:
        container.seek(max(container.start_time or 0, end_us - _END_SLACK_US))
        for packet in container.demux():
            time = packet.pts if packet.pts is not None else packet.dts
            if time is None or packet.time_base is None:
                continue
            if (time + (packet.duration or 0)) * packet.time_base * 1_000_000 + _END_SLACK_US >= end_us:
                return True
    except (av.FFmpegError, OSError, IndexError):
        source.check()
    return False
