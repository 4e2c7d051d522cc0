"""Decoding a live stream no further than the frames that are taken need it."""

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from raypp.media.nal import CodedFrame
from raypp.media.needed import FrameOrder, UnclearStreamError, packet_reader

_MOST_HELD = 1024
_LATE = 1.5  # times the usual length of a group, after which it is not waited for


class LivePackets:
    """Decodes packets of one connection as they come, each that is needed for a frame that is due.

    A group begins with a frame at which a decoder forgets everything. Where the next group should come before the next
    frame is due, packets are held back, and decoded only if a frame is due first. A frame that nothing refers to is
    left out unless it is due. All that holds for streams whose frames come out at once, and as long as these are sound;
    everything else is decoded as it comes.

    Args:
        stream: the opened stream.

    Attributes:
        decoded: how many packets have been decoded.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._reader = packet_reader(stream) if stream.codec_context.reorder_depth == 0 else None
        self.decoded = 0
        self._order: FrameOrder | None = None
        self._held: list[Packet[VideoStream]] = []
        self._begun_s: float | None = None
        self._group_s: float | None = None

    def decode(self, packet: "Packet[VideoStream]", now_s: float, due_s: float) -> list[VideoFrame]:
        """Decode a packet if it is needed; return what a decoder of all packets would give for it, if that is due.

        Args:
            packet: the next packet.
            now_s: the monotonic clock, in seconds.
            due_s: when the next frame is due, by the same clock.

        Raises:
            FFmpegError: if the packet cannot be decoded.
        """
        frame = self._sound_frame(packet, now_s)
        if frame is not None and now_s < due_s:
            if frame.is_disposable:
                return []
            if self._is_useless(now_s, due_s):
                self._held.append(packet)
                return []
        self._decode_held()
        self.decoded += 1
        frames = [shown for shown in packet.decode() if isinstance(shown, VideoFrame)]
        if frame is not None and [shown.pts for shown in frames] != [packet.pts]:
            self._reader = None  # they do not come out at once
        return frames

    def _sound_frame(self, packet: "Packet[VideoStream]", now_s: float) -> CodedFrame | None:
        """Return what a packet says of its frame, or None until the next group where it does not follow plainly."""
        frame = None if self._reader is None else self._reader.frame(bytes(packet))
        if frame is None or self._reader is None or packet.pts is None or packet.is_corrupt:
            self._order = None
            return None
        if frame.begins_anew:
            self._held = []
            self._group_s = None if self._begun_s is None else now_s - self._begun_s
            self._begun_s = now_s
            self._order = FrameOrder(self._reader, 0)
        if self._order is None:
            return None
        try:
            self._order.see(frame, packet.pts)
        except UnclearStreamError:
            self._order = None
            return None
        return frame

    def _is_useless(self, now_s: float, due_s: float) -> bool:
        """Whether the group should be over before a frame is due."""
        if self._begun_s is None or self._group_s is None or len(self._held) >= _MOST_HELD:
            return False
        is_late = now_s > self._begun_s + _LATE * self._group_s
        return not is_late and self._begun_s + self._group_s < due_s

    def _decode_held(self) -> None:
        """Decode what was held back, for what comes after it; none of it was due when it came."""
        held, self._held = self._held, []
        for packet in held:
            self.decoded += 1
            try:
                packet.decode()
            except av.InvalidDataError:
                self._order = None
