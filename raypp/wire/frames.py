"""Codes as frames of the wire: the whole grid, or the cells that changed, whichever is smaller; and back."""

import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from protos import raypp_pb2 as pb
from raypp.errors import WireError
from raypp.usage.observation import Observation
from raypp.veil.packing import Codes, pack, packed_size, unpack
from raypp.wire.compression import compress, decompress
from raypp.wire.grid import CellGrid

LATEST_US = 253_370_764_799_999_999
"""Last microsecond of the year 9998, since 1970: the latest timestamp that is taken. Calendars of computers end a year
later, so that a day and a time zone may still be added.
"""
MOST_AHEAD_US = 24 * 3600 * 1_000_000
"""How far ahead of the service's clock a live camera's frames may be."""
LARGEST_INDEX = (1 << 63) - 1
"""Largest frame index and sequence number, so that they fit a signed 64-bit column."""

_Mask = npt.NDArray[np.bool_]


def unseen_frame(observation: Observation, frame_index: int, timestamp_us: int) -> pb.Frame:
    """Return a frame that says why the camera saw nothing; it carries no cells."""
    return pb.Frame(timestamp_us=timestamp_us, frame_index=frame_index, observation=int(observation))  # type: ignore[arg-type]


def whole_frame(packed: bytes, frame_index: int, timestamp_us: int) -> pb.Frame:
    """Return an observed frame that carries its whole grid.

    Args:
        packed: the packed code, as `raypp.veil.packing.pack` makes it.
        frame_index: number of the frame in its stream.
        timestamp_us: when it was captured, microseconds since 1970.
    """
    cells, compressed = _smaller(packed)
    return pb.Frame(
        timestamp_us=timestamp_us,
        frame_index=frame_index,
        observation=pb.OBSERVATION_OBSERVED,
        whole=cells,
        compressed=compressed,
        grid_crc32=zlib.crc32(packed),
    )


class CellEncoder:
    """Encodes the frames of one connection, each against the one before.

    Args:
        grid: shape of the codes.
    """

    def __init__(self, grid: CellGrid) -> None:
        self.grid = grid
        self._last: Codes | None = None

    def encode(self, code: Codes, frame_index: int, timestamp_us: int) -> pb.Frame:
        """Encode an observed frame.

        Args:
            code: uint8[C, rows, columns], values in [0, 2**bits).
            frame_index: number of the frame in its stream.
            timestamp_us: when it was captured, microseconds since 1970.

        Raises:
            ValueError: if the code is not of the grid's shape, or a value does not fit.
        """
        if code.shape != self.grid.shape:
            raise ValueError(f"code has shape {code.shape}, must be {self.grid.shape}")
        return self.shrink(whole_frame(pack(code, self.grid.bits), frame_index, timestamp_us), code)

    def shrink(self, frame: pb.Frame, code: Codes) -> pb.Frame:
        """Replace a frame's whole grid by the cells that changed, where that is smaller.

        Args:
            frame: an observed frame with its whole grid, as `whole_frame` makes it; it is changed in place.
            code: the same grid, uint8[C, rows, columns].
        """
        last, self._last = self._last, code.copy()
        if last is None:
            return frame
        changed = (code != last).any(axis=0)
        if packed_size(int(changed.sum()) * self.grid.channels, self.grid.bits) >= self.grid.packed_bytes:
            return frame
        mask = compress(np.packbits(changed).tobytes())
        cells, compressed = _smaller(pack(code[:, changed].T, self.grid.bits))
        if len(mask) + len(cells) < len(frame.whole):
            frame.change.mask, frame.change.cells = mask, cells
            frame.compressed = compressed
        return frame


class CellDecoder:
    """Decodes the frames of one connection, whatever bytes come; memory and time are bounded by the grid.

    Args:
        grid: shape of the codes.
    """

    def __init__(self, grid: CellGrid) -> None:
        self.grid = grid
        self._last: Codes | None = None

    def decode(self, frame: pb.Frame) -> Codes | None:
        """Decode a frame.

        Returns:
            uint8[C, rows, columns], not to be written to; None where the camera saw nothing.

        Raises:
            WireError: if the frame is malformed, or its cells do not give the grid that its checksum names; the
                decoder is as before.
        """
        observation = check_frame(frame)
        kind = frame.WhichOneof("cells")
        if observation is not Observation.OBSERVED:
            return None
        packed, code = self._whole(frame) if kind == "whole" else self._changed(frame)
        if zlib.crc32(packed) != frame.grid_crc32:
            raise WireError(
                f"{_name(frame)}: the grid's checksum is {zlib.crc32(packed):08x}, not {frame.grid_crc32:08x} as said; "
                "connect anew and send the frame whole"
            )
        code.flags.writeable = False
        self._last = code
        return code

    def _whole(self, frame: pb.Frame) -> tuple[bytes, Codes]:
        what = f"{_name(frame)}, whole grid"
        packed = self._cells(frame.whole, frame.compressed, self.grid.packed_bytes, what)
        return packed, unpack(packed, self.grid.shape, self.grid.bits)

    def _changed(self, frame: pb.Frame) -> tuple[bytes, Codes]:
        if self._last is None:
            raise WireError(f"{_name(frame)} is a change, and no frame came before it; send the first one whole")
        changed = self._mask(frame)
        count = int(changed.sum())
        size = packed_size(count * self.grid.channels, self.grid.bits)
        what = f"{_name(frame)}, {count} changed cells"
        cells = unpack(
            self._cells(frame.change.cells, frame.compressed, size, what), (count, self.grid.channels), self.grid.bits
        )
        code = self._last.copy()
        code[:, changed] = cells.T
        return pack(code, self.grid.bits), code

    def _mask(self, frame: pb.Frame) -> _Mask:
        cells = self.grid.cells
        packed = decompress(frame.change.mask, -(-cells // 8), f"{_name(frame)}, mask of changed cells")
        bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8)).astype(np.bool_)
        if bits[cells:].any():
            raise WireError(f"{_name(frame)}: its mask marks cells beyond the {cells} of the grid")
        return bits[:cells].reshape(self.grid.rows, self.grid.columns)

    @staticmethod
    def _cells(data: bytes, compressed: bool, size: int, what: str) -> bytes:
        if compressed:
            return decompress(data, size, what)
        if len(data) != size:
            raise WireError(f"{what}: {len(data)} bytes, must be {size} for this veil, size and frame")
        return data


def check_frame(frame: pb.Frame) -> Observation:
    """Check all of a frame but its cells' values, and return what the camera saw.

    Raises:
        WireError: if a field is out of range, an observed frame has no cells, or another one has any.
    """
    if frame.frame_index > LARGEST_INDEX:
        raise WireError(f"frame index {frame.frame_index} is out of range; the largest is {LARGEST_INDEX}")
    if not 0 <= frame.timestamp_us <= LATEST_US:
        raise WireError(f"{_name(frame)}: timestamp {frame.timestamp_us} is not within 1970 to 9998, in microseconds")
    try:
        observation = Observation(frame.observation)
    except ValueError:
        raise WireError(f"{_name(frame)}: observation {frame.observation} is unknown") from None
    has_cells = frame.WhichOneof("cells") is not None
    if observation is Observation.OBSERVED and not has_cells:
        raise WireError(f"{_name(frame)} is said to be observed, and carries no cells")
    if observation is not Observation.OBSERVED and has_cells:
        raise WireError(f"{_name(frame)} is {observation.name.lower()}, and must not carry cells")
    return observation


def check_clock(frames: Iterable[pb.Frame], now_us: int) -> None:
    """Raise WireError where a live camera's frame lies more than a day ahead of the service's clock, `now_us`."""
    for frame in frames:
        if frame.timestamp_us > now_us + MOST_AHEAD_US:
            days = (frame.timestamp_us - now_us) / MOST_AHEAD_US
            raise WireError(
                f"{_name(frame)}: its time is {days:,.1f} days ahead of the service's clock, and a live camera's may "
                "be one; set the site's clock, and begin a new spool"
            )


def cell_bytes(frame: pb.Frame) -> int:
    """Bytes that a frame's cells take on the wire."""
    kind = frame.WhichOneof("cells")
    if kind == "whole":
        return len(frame.whole)
    return len(frame.change.mask) + len(frame.change.cells) if kind == "change" else 0


def _smaller(packed: bytes) -> tuple[bytes, bool]:
    """The bytes as they are or compressed, whichever is smaller, and which it was."""
    compressed = compress(packed)
    return (compressed, True) if len(compressed) < len(packed) else (packed, False)


def _name(frame: pb.Frame) -> str:
    return f"frame {frame.frame_index}"
