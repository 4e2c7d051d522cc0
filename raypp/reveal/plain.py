"""Plain frames as they were before they were veiled: in the square that detectors see, masks painted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from raypp.errors import MediaError
from raypp.geometry.letterbox import Letterbox
from raypp.ingest.variants import variant_pixels
from raypp.media.camera_views import View
from raypp.media.container import is_indexed, open_video
from raypp.media.files import SourceStream, open_source
from raypp.media.frame import PADDING, Frame
from raypp.media.image import decode_views
from raypp.media.masks import Mask, MaskSet
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode_as
from raypp.media.view_rendering import ViewRenderer
from raypp.reveal.lookup import FrameSource, SourceFinder, VeiledRow
from raypp.shards.schema import ArchiveHeader
from raypp.text.address import redacted

Square = npt.NDArray[np.uint8]
"""uint8[size, size, 3], RGB."""


@dataclass(frozen=True)
class PlainFrame:
    """A frame as it was before it was veiled, and the plain place of its source."""

    url: str
    square: Square


@dataclass(frozen=True)
class Recovered:
    """Plain frames by sample_id, and for each that could not be had one line that says why."""

    frames: dict[str, PlainFrame] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def recover(rows: Sequence[VeiledRow], finder: SourceFinder, header: ArchiveHeader, masks: MaskSet | None) -> Recovered:
    """Decode the frames of rows again from wherever their sources are; arguments as for `recover_each`."""
    done = Recovered()
    for sample_id, frame in recover_each(rows, finder, header, masks):
        if isinstance(frame, str):
            done.problems[sample_id] = frame
        else:
            done.frames[sample_id] = frame
    return done


def recover_each(
    rows: Sequence[VeiledRow], finder: SourceFinder, header: ArchiveHeader, masks: MaskSet | None
) -> Iterator[tuple[str, PlainFrame | str]]:
    """Decode the frames of rows again, source by source: yields each sample's frame, or a line that says why not.

    Args:
        rows: what the archive says of the frames.
        finder: finds their sources.
        header: header of the archive.
        masks: privacy masks that it was veiled with, or None.
    """
    origins = finder.find(rows)
    groups: dict[tuple[str, Mask | None], list[VeiledRow]] = {}
    for row in rows:
        origin = origins.get(row.sample_id)
        mask = masks.for_camera(row.site, origin.view.source_camera) if masks and origin else None
        problem = finder.why_missing(row) if origin is None else _other_mask(origin, mask) or _no_part(origin)
        if origin is None or problem:
            yield row.sample_id, f"sample {row.sample_id}: {problem}"
        else:
            groups.setdefault((origin.url, mask), []).append(row)
    for (url, mask), members in groups.items():
        reason = f"{url} has no frame at that time now; give the file that was veiled"
        done = set()
        try:
            for sample_id, square in plain_squares(origins, members, header, mask, finder):
                done.add(sample_id)
                yield sample_id, PlainFrame(url, square)
        except MediaError as error:
            reason = str(error) if redacted(url) in str(error) else f"{url} {error}"
        for row in members:
            if row.sample_id not in done:
                yield row.sample_id, f"sample {row.sample_id}: {reason}"


def plain_squares(
    origins: Mapping[str, FrameSource],
    rows: Sequence[VeiledRow],
    header: ArchiveHeader,
    mask: Mask | None,
    finder: SourceFinder,
) -> Iterator[tuple[str, Square]]:
    """Decode frames of one source again, each as (sample_id, square), in order of time.

    Args:
        origins: where each row is from: all from the same file.
        rows: its frames that are wanted, and variants and views of its frames.
        header: header of their archive, which says how they were sampled and letterboxed.
        mask: privacy mask to paint, or None.
        finder: knows how variants were made.

    Raises:
        MediaError: if the source cannot be decoded or has frames of another size now.
        SourceReadError: if it cannot be read.
    """
    wanted: dict[int, list[VeiledRow]] = {}
    for row in rows:
        wanted.setdefault(row.timestamp_us, []).append(row)
    views = tuple(dict.fromkeys(origins[row.sample_id].view for row in rows))
    origin = origins[rows[0].sample_id]
    stream = open_source(origin.url)
    try:
        for frames in _frames(origin, sorted(wanted), stream, header, views, mask):
            by_view = dict(zip(views, frames, strict=True))
            for row in wanted.get(frames[0].timestamp_us, ()):
                frame = by_view[origins[row.sample_id].view]
                if (frame.source_width, frame.source_height) != (row.width, row.height):
                    raise MediaError(
                        f"{origin.url} is {frame.source_width}x{frame.source_height} now, but was veiled as "
                        f"{row.width}x{row.height}; give the file that was veiled"
                    )
                own = Letterbox(header.size, header.patch, row.width, row.height)
                pixels = variant_pixels(frame, own, finder.variant_seed(row)) if row.variant else frame.pixels
                yield row.sample_id, _square(pixels, own)
    finally:
        stream.close()


def _frames(
    origin: FrameSource,
    times_us: Sequence[int],
    stream: SourceStream,
    header: ArchiveHeader,
    views: Sequence[View],
    mask: Mask | None,
) -> Iterator[tuple[Frame, ...]]:
    if origin.info is None:
        yield decode_views(stream, views, header.size, header.patch, mask)
        return
    with open_video(stream) as (container, _):
        indexed = is_indexed(container)
    # Without an index every stretch is reached by decoding all before it: so that is done once.
    spans = [(time, time + 1) for time in times_us] if indexed else [(times_us[0], times_us[-1] + 1)]
    # Times of such containers depend on which frames are decoded, but not on which of those are then taken.
    keyframes = header.sampling == SamplingMode.KEYFRAMES
    sampling = Sampling(SamplingMode.KEYFRAMES if keyframes else SamplingMode.EVERY)
    render = ViewRenderer(views, header.size, header.patch, origin.info.orientation, mask)
    for start_us, end_us in spans:
        yield from decode_as(stream, origin.info, start_us, end_us, sampling, render, report=DecodeReport())


def _no_part(origin: FrameSource) -> str | None:
    """Say so, if it is known that a row is a view, but not of which part."""
    view = origin.view
    if view.name is None or view.rectangle is not None:
        return None
    return (
        f"no plan says which part of {origin.url} view {view.name} is; give the views of the veil job with `views_path`"
    )


def _other_mask(origin: FrameSource, mask: Mask | None) -> str | None:
    """Say so, if a source is not to be shown with the mask that it was veiled with."""
    if origin.planned is None or origin.planned.mask_digest == (mask.digest if mask else None):
        return None
    veiled = "with another privacy mask" if origin.planned.mask_digest else "without a privacy mask"
    return f"{origin.url} was veiled {veiled}; give the masks of the veil job"


def _square(pixels: npt.NDArray[np.uint8], box: Letterbox) -> Square:
    square = np.full((box.size, box.size, 3), PADDING, dtype=np.uint8)
    height, width = pixels.shape[:2]
    square[box.offset_y : box.offset_y + height, box.offset_x : box.offset_x + width] = pixels
    return square
