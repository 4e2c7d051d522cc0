"""Frames of the three real videos, scaled to 640 pixels wide: what is known to the attacker, and what is not."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 640, 368  # 640x360 scaled, and padded to a multiple of every patch
MOMENTS_S = {
    "one-by-one-person-detection.mp4": (14.0, 60.0, 100.0),
    "bottle-detection.mp4": (8.0, 20.0, 33.0),
    "car-detection.mp4": (5.0, 12.0, 20.0),
}


def load(folder: Path) -> dict[str, Frames]:
    """Return uint8[3, HEIGHT, WIDTH, 3] by video."""
    return {name: np.stack([_at(folder / name, moment) for moment in moments]) for name, moments in MOMENTS_S.items()}


def _at(path: Path, moment_s: float) -> Frames:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        container.seek(int(moment_s * av.time_base))
        for frame in container.decode(stream):
            if frame.time is not None and frame.time >= moment_s:
                scaled = frame.to_ndarray(format="rgb24", width=WIDTH, height=WIDTH * frame.height // frame.width)
                return np.pad(scaled, ((0, HEIGHT - len(scaled)), (0, 0), (0, 0)), constant_values=114)
    raise ValueError(f"{path.name} ends before {moment_s} s")
