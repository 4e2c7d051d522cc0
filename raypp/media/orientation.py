"""How decoded frames are turned and mirrored to be shown."""

from dataclasses import dataclass
from math import atan2, degrees
from struct import unpack

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways in which a frame may lie.

    Attributes:
        rotation: degrees by which frames are turned counter-clockwise to be shown; a multiple of 90.
        mirrored: whether left and right are exchanged before they are turned.
    """

    rotation: int = 0
    mirrored: bool = False

    @classmethod
    def of_frame(cls, frame: VideoFrame) -> "Orientation":
        """Read the display matrix that the container or the stream gives a frame; other angles go to the nearest."""
        matrix = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]
        if matrix is None or not (content := bytes(matrix)).strip(b"\0"):
            return cls()
        # (x, y) is shown at (a x + c y, b x + d y), y downwards
        a, b, _, c, d = unpack("=5i", content[:20])
        if a * d - b * c >= 0:
            return cls(round(frame.rotation / 90) * 90 % 360)
        return cls(round(-degrees(atan2(-b, -a)) / 90) * 90 % 360, mirrored=True)

    def shown_size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height as shown, of a frame of this width and height as decoded."""
        return (height, width) if self.rotation % 180 else (width, height)

    def upright(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return uint8[H, W, 3] as shown; a view of `pixels` as decoded."""
        faced = pixels[:, ::-1] if self.mirrored else pixels
        return np.rot90(faced, self.rotation // 90) if self.rotation else faced
