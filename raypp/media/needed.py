"""Which packets of a sampled video have to be decoded: those of its ticks' frames, and what these refer to.

Left out are frames that nothing refers to, and all that follows the last needed frame before the next frame that
begins anew. Frames that are decoded come out as if all had been. That holds for what is plain: `NeededPackets` raises
`UnclearStreamError` as soon as it sees anything else, and then all has to be decoded.
"""

from bisect import bisect_left, insort
from collections import deque
from heapq import heappop, heappush

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from raypp.media.container import is_indexed, microseconds
from raypp.media.h264 import H264Reader
from raypp.media.h265 import H265Reader
from raypp.media.nal import CodedFrame, PacketReader
from raypp.media.sampling import Sampling

_REMEMBERED = 64  # frames; H.264 holds at most 16 back
_MOST_WAITING = 1024
_MOST_WAITING_BYTES = 32 << 20


class UnclearStreamError(Exception):
    """A stream is damaged, or of a kind in which no frame can be left out for sure."""


def packet_reader(stream: VideoStream) -> PacketReader | None:
    """Return the reader of a stream's packets, or None where there is none for it."""
    codec = stream.codec_context
    match codec.name:
        case "h264":
            return H264Reader.of(codec.extradata)
        case "hevc":
            return H265Reader.of(codec.extradata)
        case _:
            return None


class FrameOrder:
    """Checks that frames are numbered without a gap, and are shown in the order of their times.

    Args:
        reader: reader of the stream's packets.
        reorder: how many frames the decoder holds back.
    """

    def __init__(self, reader: PacketReader, reorder: int) -> None:
        self._reader = reader
        self._reorder = max(reorder, reader.reorder)
        self._number = 0
        self._anchor_order = 0
        self._begun_at = 0
        self._times: list[int] = []
        self._orders: list[int] = []

    def see(self, frame: CodedFrame, time: int) -> None:
        """See the next frame and its time of presentation, in any unit.

        Raises:
            UnclearStreamError: if it does not follow the ones before it, as far as the last that began anew.
        """
        if frame.begins_anew:
            self._number = self._anchor_order = 0
            follows = not self._times or time > self._times[-1]
            self._times, self._orders, self._begun_at = [], [], time
        else:
            follows = time > self._begun_at and self._is_next(frame.number)
        order = self._order(frame)
        place = bisect_left(self._times, time)
        later = len(self._times) - place
        if not follows or later > self._reorder or self._times[place : place + 1] == [time]:
            raise UnclearStreamError
        if bisect_left(self._orders, order) != place or self._orders[place : place + 1] == [order]:
            raise UnclearStreamError
        insort(self._times, time)
        insort(self._orders, order)
        del self._times[:-_REMEMBERED], self._orders[:-_REMEMBERED]
        if frame.is_anchor:
            self._number, self._anchor_order = frame.number, order

    def _is_next(self, number: int) -> bool:
        span = self._reader.number_range
        return not span or number == (self._number + 1) % span

    def _order(self, frame: CodedFrame) -> int:
        """The place of a frame in the order of showing: the one next to the anchor's with its lower bits."""
        span = self._reader.order_range
        if span == 1:
            return self._orders[-1] + 1 if self._orders else 0
        least = 1 - span // 2
        return self._anchor_order + least + (frame.order_bits - self._anchor_order - least) % span


class NeededPackets:
    """Chooses the packets to decode, and checks what comes of them.

    Args:
        reader: reader of the stream's packets.
        stream: the opened stream.
        sampling: which frames to take, at a rate.
        start_us: begin of the stretch, in microseconds since the stream's start.
        end_us: its end; the first frame from there on is needed to see that it is over.
    """

    def __init__(
        self, reader: PacketReader, stream: VideoStream, sampling: Sampling, start_us: int, end_us: int
    ) -> None:
        self._reader = reader
        self._stream = stream
        self._reorder = stream.codec_context.reorder_depth
        self._sampling = sampling
        self._start_us, self._end_us = start_us, end_us
        self.begin()

    @classmethod
    def of(
        cls, container: InputContainer, stream: VideoStream, sampling: Sampling, start_us: int, end_us: int
    ) -> "NeededPackets | None":
        """Return it for a stream in which frames can be left out; None for all others."""
        if sampling.rate is None or not is_indexed(container) or stream.start_time is None:
            return None
        reader = packet_reader(stream)
        return None if reader is None else cls(reader, stream, sampling, start_us, end_us)

    def begin(self) -> None:
        """Begin anew with whichever packet comes next: the container was sought."""
        self._shown_until = 0
        self._begun_at: int | None = None
        self._order = FrameOrder(self._reader, self._reorder)
        self._first_us: dict[int, int] = {}
        self._waiting: list[Packet[VideoStream]] = []
        self._waiting_bytes = 0
        self._expected: list[int] = []
        self._out = 0
        self._unsure: deque[tuple[VideoFrame, int]] = deque()

    def choose(self, packet: "Packet[VideoStream]") -> "list[Packet[VideoStream]]":
        """Return what to decode now that a packet has been read, in order.

        Raises:
            UnclearStreamError: if the packet is not plainly the next one of a sound stream.
        """
        if not packet.size:
            return [packet]
        frame = self._reader.frame(bytes(packet))
        if self._begun_at is None and (frame is None or not frame.begins_anew):
            return [packet]  # up to the first frame that begins anew, all is decoded
        if frame is None or packet.pts is None or packet.is_corrupt or packet.is_discard:
            raise UnclearStreamError
        if packet.has_sidedata("new_extradata"):
            raise UnclearStreamError
        self._order.see(frame, packet.pts)
        if frame.begins_anew:
            self._waiting, self._waiting_bytes = [], 0
        is_needed = self._is_needed(packet.pts, packet.duration or 0)
        if not is_needed and frame.is_disposable:
            return []
        self._waiting.append(packet)
        self._waiting_bytes += packet.size
        if is_needed or len(self._waiting) > _MOST_WAITING or self._waiting_bytes > _MOST_WAITING_BYTES:
            return self._waited()
        return []

    def came_out(self, frame: VideoFrame) -> list[VideoFrame]:
        """Check a decoded frame; return those that are sure now, in order.

        A frame is sure once all that were decoded before it came out have come out sound: it may refer to them.

        Raises:
            UnclearStreamError: if it is damaged, or another one should have come before it.
        """
        if self._begun_at is None or (frame.pts is not None and frame.pts < self._begun_at):
            return [frame]
        if frame.is_corrupt or not self._expected or heappop(self._expected) != frame.pts:
            raise UnclearStreamError
        self._out += 1
        self._unsure.append((frame, self._out + len(self._expected)))
        sure = []
        while self._unsure and self._unsure[0][1] <= self._out:
            sure.append(self._unsure.popleft()[0])
        return sure

    def ended_us(self) -> int:
        """Return when the last frame stops being shown, decoded or not, in microseconds since the stream's start.

        Raises:
            UnclearStreamError: if not all that were decoded came out.
        """
        if self._expected:
            raise UnclearStreamError
        return microseconds(self._shown_until, self._stream)

    def _is_needed(self, ticks: int, duration: int) -> bool:
        """Whether a frame is the first of its tick so far, or is needed for other reasons than its image."""
        start = self._stream.start_time or 0
        timestamp_us = microseconds(ticks - start, self._stream)
        self._shown_until = max(self._shown_until, ticks - start + duration)
        is_begin = self._begun_at is None
        if is_begin:
            self._begun_at = ticks
        if is_begin or timestamp_us >= self._end_us:
            return True  # the time of the first frame tells whether the container was entered early enough
        tick = self._sampling.tick(timestamp_us)
        first_us = self._first_us.get(tick)
        if timestamp_us < self._start_us or (first_us is not None and first_us < timestamp_us):
            return False
        self._first_us[tick] = timestamp_us
        if len(self._first_us) > _REMEMBERED:
            del self._first_us[next(iter(self._first_us))]
        return True

    def _waited(self) -> "list[Packet[VideoStream]]":
        packets, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for packet in packets:
            assert packet.pts is not None  # noqa: S101 - checked when it was chosen
            heappush(self._expected, packet.pts)
        return packets
