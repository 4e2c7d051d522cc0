"""Frames and secrets that are searched for wherever something may have been left."""

import base64
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.veil.key import HASH_USES, VeilKey
from raypp.veil.spec import VeilSpec
from raypp.veil.tables import dither_tile, patch_tables

SIZE = (160, 96)
_SNIPPET = 48


def watermarked_archive(root: Path) -> list[npt.NDArray[np.uint8]]:
    """Random pixels in lossless files of exactly the window's size, so that they are in memory as they are here."""
    root.mkdir(parents=True)
    frames = [np.random.default_rng(n).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8) for n in range(12)]
    for n in range(4):
        Image.fromarray(frames[n]).save(root / f"{n}.png")
    with av.open(str(root / "video.mp4"), "w") as container:
        stream = container.add_stream("libx264rgb", rate=4)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "rgb24"
        stream.options = {"qp": "0", "preset": "ultrafast"}
        for n, image in enumerate(frames[4:]):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 4)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(root / "video.mp4")) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert all((a == b).all() for a, b in zip(decoded, frames[4:], strict=True))
    return frames


def pixels_of(frames: Sequence[npt.NDArray[np.uint8]]) -> dict[str, bytes]:
    """A stretch of the middle row of each frame."""
    return {f"pixels of frame {n}": frame[len(frame) // 2].tobytes()[:_SNIPPET] for n, frame in enumerate(frames)}


def secrets_of(key: VeilKey, spec: VeilSpec, site: str, cameras: Sequence[str]) -> dict[str, bytes]:
    """The key, everything derived from it, and the first 64 bytes of every table: raw, hex and base64."""
    raw = {"key": key.export_secret(), "root": key._root}
    raw |= {f"hash secret {use}": key.hash_secret(site, use) for use in HASH_USES}
    for camera in cameras:
        for image in (None, *(bytes([n]) * 32 for n in range(8))):
            stream = key.stream(spec, site, camera, image)
            tables = patch_tables(spec, stream)
            name = f"sub-key {stream.sub_key}"
            raw |= {f"{name} weights seed": stream.weights_seed, f"{name} dither seed": stream.dither_seed}
            for table in ("first", "offset", "second"):
                for kind in ("<i4", "<f4"):
                    raw[f"{name} {table} as {kind}"] = getattr(tables, table).astype(kind).tobytes()[:64]
            raw[f"{name} dither"] = dither_tile(spec, stream).tobytes()[:64]
    needles = {}
    for name, secret in raw.items():
        if len(set(secret)) > 6:  # a stretch of a sparse table is no secret and found in any file of zeros
            needles |= {name: secret, f"{name} in hex": secret.hex().encode(), f"{name} in base64": _base64(secret)}
    assert {"key", "root"} <= needles.keys()
    return needles


def _base64(secret: bytes) -> bytes:
    return base64.b64encode(secret).rstrip(b"=")[:-1]


def files_in(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


def shared_memory() -> list[Path]:
    """Files in shared memory, and those already unlinked that a process still holds, as Ray's object store does."""
    held = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()).startswith("/dev/shm/"):
                held.append(link)
        except OSError:
            continue
    return files_in(Path("/dev/shm")) + held


def places_with(places: list[Path], needles: dict[str, bytes]) -> list[str]:
    """Name what is found where; a file that several processes hold is read once."""
    anchors: dict[bytes, list[tuple[str, int]]] = {}
    for name, needle in needles.items():
        at = _most_varied(needle)
        anchors.setdefault(needle[at : at + 4], []).append((name, at))
    heads = np.array([np.frombuffer(anchor, "<u2") for anchor in anchors])
    first, second = np.isin(np.arange(1 << 16), heads[:, 0]), np.isin(np.arange(1 << 16), heads[:, 1])
    hits, read = [], set()
    for place in places:
        try:
            status = place.stat()
            if (status.st_dev, status.st_ino) in read:
                continue
            read.add((status.st_dev, status.st_ino))
            content = place.read_bytes()
        except OSError:
            continue
        here = {
            name
            for at in _starts(content, first, second)
            for name, before in anchors.get(content[at : at + 4], ())
            if at >= before and content.startswith(needles[name], at - before)
        }
        hits += [f"{name} in {place}" for name in needles if name in here]
    return hits


def _most_varied(needle: bytes) -> int:
    """Where a needle has four bytes that differ most and begin with no zero, which fill memory."""
    begins = [at for at in range(len(needle) - 3) if needle[at] and needle[at + 1]] or [0]
    return max(begins, key=lambda at: len(set(needle[at : at + 4])))


def _starts(content: bytes, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> list[int]:
    """Where an anchor may begin: its first two bytes and its next two are those of some anchor."""
    starts = []
    for offset in (0, 1):
        pairs = np.frombuffer(content, "<u2", (len(content) - offset) // 2, offset) if len(content) > offset else None
        if pairs is not None and len(pairs) > 1:
            starts += (2 * np.flatnonzero(first[pairs[:-1]] & second[pairs[1:]]) + offset).tolist()
    return starts
