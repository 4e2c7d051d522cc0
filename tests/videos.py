"""Small real videos and images for tests, made by PyAV and Pillow."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image


def make_video(
    path: Path,
    seconds: float = 4.0,
    fps: int = 10,
    width: int = 160,
    height: int = 96,
    seed: int = 0,
    keyframe_s: float = 1.0,
) -> Path:
    """Write an H.264 video of moving, textured blocks, with a keyframe every `keyframe_s`; deterministic by seed."""
    generator = np.random.default_rng(seed)
    backdrop = generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "g": str(round(fps * keyframe_s)), "threads": "1"}
        for index in range(round(seconds * fps)):
            image = np.roll(backdrop, index * 2, axis=1)
            image[16:48, (index * 3) % (width - 32) :][:, :32] = (200, 40, 40)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut_video(path: Path, seconds: float) -> None:
    """Keep only the beginning of a video, packet by packet."""
    whole = path.with_name(f"whole-{path.name}")
    path.rename(whole)
    with av.open(str(whole)) as source, av.open(str(path), "w") as kept:
        stream = source.streams.video[0]
        copy = kept.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or float(packet.pts * stream.time_base) >= seconds:
                break
            packet.stream = copy
            kept.mux(packet)
    whole.unlink()


def make_image(path: Path, width: int = 120, height: int = 90, seed: int = 0) -> Path:
    """Write a JPEG of coloured noise blocks; deterministic by seed."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(blocks).save(path, quality=90)
    return path


def make_dataset(root: Path, count: int = 6) -> Path:
    """Write a YOLO-layout dataset with one box on each image."""
    for index in range(count):
        split = "val" if index % 3 == 0 else "train"
        make_image(root / "images" / split / f"{index:03}.jpg", seed=index)
        label = root / "labels" / split / f"{index:03}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(f"{index % 2} 0.5 0.5 0.25 0.5\n")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [hammer, saw]\n")
    return root
