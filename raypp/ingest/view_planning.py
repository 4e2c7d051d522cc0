"""Views in a plan: what is asked now against what was planned before, and the work on views that came later."""

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raypp.errors import ConflictError, OptionError
from raypp.ingest.cutting import Cutting, NewSources, cut_segments
from raypp.ingest.expectation import expected_bytes
from raypp.ingest.known_sources import by_identity
from raypp.ingest.plan import SOURCE_SCHEMA, Rows, camera_words, codes_of, items_of
from raypp.ingest.source_views import SourceViews, ViewSet, views_of
from raypp.media.camera_views import MOST_VIEWS, View, clash
from raypp.media.source import SourceKind

_BATCH_ROWS = 1 << 12
_BITS = 1 << (1 + MOST_VIEWS)
_Camera = tuple[str, str]


def check_views(views: ViewSet, cameras: set[_Camera]) -> None:
    """Raise OptionError for views of a camera that there is not, or if frames of two cameras would have one name."""
    strangers = views.strangers(cameras) if cameras else []
    if strangers:
        known = ", ".join(f"{site}/{camera}" for site, camera in sorted(cameras)[:20])
        raise OptionError(
            f"`views_path` has views for {strangers[0]}, but the cameras are {known}; correct the name, or leave it out"
        )
    sites: dict[str, dict[str, tuple[View, ...]]] = defaultdict(dict)
    for site, camera in sorted(cameras):
        sites[site][camera] = views.for_camera(site, camera).of(camera)
    for named in sites.values():
        reason = clash(named)
        if reason is not None:
            raise OptionError(f"`views_path`: {reason}")


def check_planned(views: ViewSet, planned: pa.Table) -> None:
    """Raise ConflictError if a view that was planned before is gone, or is another part of the frame by now."""
    if planned.column("views").null_count == planned.num_rows and not views.cameras:
        return
    for site, camera, word in sorted(camera_words(planned), key=str):
        before, now = views_of(word), views.for_camera(site, camera)
        for name, part in before.views.items():
            if now.views.get(name) != part:
                change = "as another part" if name in now.views else "and `views_path` has none of that name"
                raise ConflictError(
                    f"view {name} of {site}/{camera} was planned before, {change}; give the same views as before and "
                    "perhaps more, or use another `out`"
                )
        if before.whole and not now.whole:
            raise ConflictError(
                f"frames of {site}/{camera} were planned whole; leave out `whole: false`, or use another `out`"
            )


def plan_added(
    views: ViewSet, planned: pa.Table, segments: pa.Table, here: npt.NDArray[np.bool_], cutting: Cutting
) -> tuple[pa.Table, pa.Table]:
    """Plan the views that sources of an earlier plan lack, and nothing that they have.

    Args:
        views: what is asked.
        planned: rows of sources of the earlier plan.
        segments: rows of its segments.
        here: bool[N], the rows of sources that are among those of this run.
        cutting: settings and key of the job.

    Returns:
        More rows of sources and of segments.
    """
    new = NewSources(cutting)
    if views.cameras and planned.num_rows:
        _add_lacking(new, views, planned, segments, here)
    return cut_segments(new, by_identity(new.table)[0])


def _add_lacking(
    new: NewSources, views: ViewSet, planned: pa.Table, segments: pa.Table, here: npt.NDArray[np.bool_]
) -> None:
    lacking = _Lacking(views, planned, here)
    if not len(lacking.rows):
        return
    rows = planned.take(pa.array(lacking.rows))
    place = SOURCE_SCHEMA.get_field_index("views")
    rows = rows.set_column(place, SOURCE_SCHEMA.field(place), lacking.words)
    new.add_planned(rows, _weights(rows, new.cutting))
    new.ranges.update(_ranges(lacking.rows, segments))


class _Lacking:
    """Sources that lack views: the first row of each, and what is to be veiled of it beside what was planned."""

    def __init__(self, views: ViewSet, planned: pa.Table, here: npt.NDArray[np.bool_]) -> None:
        cameras, kinds = _codes(planned, ("site", "camera"))
        words, known = codes_of(planned.column("views").combine_chunks())
        wanted = [views.for_camera(site, camera) for site, camera in kinds]
        names = [["", *own.views] for own in wanted]
        bits = np.array([[_bits(views_of(word), own) for word in known] for own in names], dtype=np.int32)
        needed = np.array([_bits(own, these) for own, these in zip(wanted, names, strict=True)], dtype=np.int32)
        open_cameras = np.unique(cameras[(bits[cameras, words] & needed[cameras]) != needed[cameras]])
        rows = np.flatnonzero(np.isin(cameras, open_cameras))
        cameras, words, here = cameras[rows], words[rows], here[rows]
        _, leaders = by_identity(planned.select(["identity"]).take(pa.array(rows)))
        has, is_here = np.zeros(len(rows), np.int32), np.zeros(len(rows), np.bool_)
        np.bitwise_or.at(has, leaders, bits[cameras, words])  # a source may have rows of other segments and views
        is_here[leaders[here]] = True
        lacks = needed[cameras] & ~has
        chosen = np.flatnonzero((leaders == np.arange(len(rows))) & is_here & (lacks != 0))
        each, codes = np.unique(cameras[chosen] * _BITS + lacks[chosen], return_inverse=True)
        texts = [_added(wanted[code // _BITS], names[code // _BITS], code % _BITS) for code in each.tolist()]
        self.rows = rows[chosen]
        self.words = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(texts, pa.string()))


def _bits(views: SourceViews, names: list[str]) -> int:
    """Bit 0 for the whole frame, and one for each name of a view, in their order."""
    return sum(1 << at for at, name in enumerate(names) if (name in views.views if at else views.whole))


def _added(needed: SourceViews, names: list[str], bits: int) -> str | None:
    parts = {name: needed.views[name] for at, name in enumerate(names) if at and bits >> at & 1}
    return SourceViews(views=parts, whole=bool(bits & 1), added=True).word


def _codes(planned: pa.Table, names: tuple[str, str]) -> tuple[Rows, list[_Camera]]:
    """Numbers of the cameras of rows, and site and name of each."""
    (sites, site_words), (cameras, camera_names) = (codes_of(planned.column(name).combine_chunks()) for name in names)
    each, codes = np.unique(sites.astype(np.int64) * len(camera_names) + cameras, return_inverse=True)
    pairs = (divmod(code, len(camera_names)) for code in each.tolist())
    return codes, [(str(site_words[site]), str(camera_names[camera])) for site, camera in pairs]


def _weights(rows: pa.Table, cutting: Cutting) -> npt.NDArray[np.float64]:
    """Return expected bytes of each row's codes; images of the same views weigh the same."""
    kinds, kind_words = codes_of(rows.column("kind").combine_chunks())
    views, view_words = codes_of(rows.column("views").combine_chunks())
    alike = (rows.column("variants").to_numpy().astype(np.int64) * len(view_words) + views) * len(kind_words) + kinds
    _, firsts, codes = np.unique(alike, return_index=True, return_inverse=True)

    def expected(chosen: Rows) -> list[float]:
        return [expected_bytes(item, cutting.settings) for item in items_of(rows.take(pa.array(chosen)))]

    weights = np.array(expected(firsts))[codes]
    videos = np.flatnonzero(np.array([word == SourceKind.VIDEO for word in kind_words])[kinds])
    for start in range(0, len(videos), _BATCH_ROWS):
        batch = videos[start : start + _BATCH_ROWS]
        weights[batch] = expected(batch)
    return weights


def _ranges(rows: Rows, segments: pa.Table) -> dict[int, list[tuple[int, int]]]:
    """Presentation times at which long videos were cut, by place among rows that are the first of their sources."""
    owners = np.searchsorted(np.cumsum(segments.column("files").to_numpy()), rows, side="right")
    parts, starts, ends = (segments.column(name).to_numpy() for name in ("parts", "start_us", "end_us"))
    ranges = {}
    for at in np.flatnonzero(parts[owners] > 1).tolist():
        of_video = slice(owners[at], owners[at] + parts[owners[at]])
        ranges[at] = list(zip(starts[of_video].tolist(), ends[of_video].tolist(), strict=True))
    return ranges
