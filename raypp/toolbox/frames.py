"""Plain frames of videos and images, at their own size, for tools that may read them; no file is made of them."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.discovery import discover
from raypp.media.files import open_source
from raypp.media.image import decode_image, probe_image
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.source import SourceFile, SourceKind
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode


def plain_frames(sources: Sequence[str]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames of sources, uint8[height, width, 3], RGB, upright: by the files' names, then by time.

    Raises:
        MediaError: if a source is not there, or cannot be decoded.
    """
    discovery = discover(sources)
    files = [*discovery.files, *(image.file for dataset in discovery.datasets for image in dataset.images)]
    for file in sorted(files, key=lambda each: each.url):
        yield from _frames(file)


def _frames(file: SourceFile) -> Iterator[npt.NDArray[np.uint8]]:
    stream = open_source(file.url)
    try:
        if file.kind is SourceKind.IMAGE:
            width, height = probe_image(stream)
            yield decode_image(stream, max(width, height), 1, None).pixels
            return
        info = probe(stream)
        box = Letterbox(max(info.width, info.height), 1, info.width, info.height)
        report = DecodeReport()
        for frame in decode(stream, info, 0, 1 << 62, Sampling(SamplingMode.EVERY), box, None, report=report):
            yield frame.pixels
    finally:
        stream.close()
