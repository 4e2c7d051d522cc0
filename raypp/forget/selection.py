"""Selection of what is to be forgotten of an archive: sources, a site, a camera, a range of capture times."""

from typing import NamedTuple

from raypp.errors import OptionError, UnknownNameError
from raypp.ingest.plan import VeilPlan
from raypp.ingest.segment import Item
from raypp.ingest.tombstones import ForgottenSpan
from raypp.io.settings import FrozenSettings
from raypp.media.source import SourceKind
from raypp.text.address import redacted

_MOST_NAMED = 10


class ArchiveSelection(FrozenSettings):
    """Frames of an archive; each field narrows the choice, and one at least is given.

    Attributes:
        sources: each the pseudonym of a source, its place, or the end of that, such as its file name.
        site: name of a site.
        camera: name of a camera, which stands for its views, too; or CAMERA.VIEW.
        from_us: first capture time, UTC microseconds since 1970.
        to_us: capture time that it ends before.
    """

    sources: tuple[str, ...] = ()
    site: str | None = None
    camera: str | None = None
    from_us: int | None = None
    to_us: int | None = None

    def check(self) -> None:
        """Raise OptionError if nothing is selected, or the range is none."""
        if self == ArchiveSelection():
            raise OptionError("say what to forget: `source`, `site`, `camera`, `from_` or `to`")
        if self.from_us is not None and self.to_us is not None and self.from_us >= self.to_us:
            raise OptionError("`from_` is not before `to`; give an earlier time")

    @property
    def has_times(self) -> bool:
        """Whether capture times limit it."""
        return self.from_us is not None or self.to_us is not None

    def is_of(self, source: "PlannedSource") -> bool:
        """Whether a source, or a view of it, is selected but for times."""
        item = source.item
        named = not self.sources or any(_is_named(item, name) for name in self.sources)
        return named and self.site in (None, item.site) and self.camera in (None, item.camera, *source.views)

    def span(self, source: "PlannedSource") -> ForgottenSpan | None:
        """Return which frames of a source that it is of are selected; None where its capture time is unknown."""
        item = source.item
        camera = None if self.camera in (None, item.camera) or source.views == {self.camera} else self.camera
        if not self.has_times:
            return ForgottenSpan(camera=camera)
        captured = item.captured_at_us
        if captured is None:
            return None
        start, end = (None if edge is None else edge - captured for edge in (self.from_us, self.to_us))
        if item.kind is SourceKind.IMAGE and (start is None or start <= 0) and (end is None or end > 0):
            return ForgottenSpan(camera=camera)
        return ForgottenSpan(camera=camera, from_us=start, to_us=end)


class PlannedSource(NamedTuple):
    """A source of a plan, and the names under which its views stand in shards."""

    item: Item
    views: set[str]


class Claims(NamedTuple):
    """Sources that a selection is of.

    Attributes:
        spans: by identity, hex: which of their frames.
        undated: how many were left alone, since nobody knows when they were captured.
    """

    spans: dict[str, ForgottenSpan]
    undated: int


def claims_of(selection: ArchiveSelection, plan: VeilPlan, archive: str) -> Claims:
    """Find the sources of a plan that a selection is of.

    Args:
        selection: what to forget.
        plan: the archive's.
        archive: its place, for messages.

    Raises:
        UnknownNameError: if a name is that of no source, site or camera.
        OptionError: if a name is that of more than one source.
    """
    sources = list(_sources(plan).values())
    _check_names(selection, sources, archive)
    spans: dict[str, ForgottenSpan] = {}
    undated = 0
    for source in filter(selection.is_of, sources):
        span = selection.span(source)
        if span is None:
            undated += 1
        else:
            spans[source.item.identity] = span
    return Claims(spans, undated)


def _sources(plan: VeilPlan) -> dict[str, PlannedSource]:
    """Sources by identity; one with views that were added later stands in more than one segment."""
    sources: dict[str, PlannedSource] = {}
    for segment in plan.segments:
        for item in segment.items if segment.part == 0 else ():
            source = sources.setdefault(item.identity, PlannedSource(item, set()))
            source.views.update(view.camera for view in item.all_views)
    return sources


def _check_names(selection: ArchiveSelection, sources: list[PlannedSource], archive: str) -> None:
    for name in selection.sources:
        named = [redacted(source.item.url) for source in sources if _is_named(source.item, name)]
        if not named:
            raise UnknownNameError(
                f"`source` {name} is no source of archive {archive}; give its pseudonym, its place or its file name"
            )
        if len(named) > 1:
            places = ", ".join(sorted(named)[:_MOST_NAMED])
            raise OptionError(f"`source` {name} is the name of {len(named)} sources: {places}; give more of its place")
    cameras = {camera for source in sources for camera in (source.item.camera, *source.views)}
    for option, value, known in (
        ("site", selection.site, {source.item.site for source in sources}),
        ("camera", selection.camera, cameras),
    ):
        if value is not None and value not in known:
            names = ", ".join(sorted(known)[:_MOST_NAMED]) or "none left"
            raise UnknownNameError(f"`{option}` {value} is none of archive {archive}; its {option}s are: {names}")


def _is_named(item: Item, name: str) -> bool:
    return name in (item.source, item.url, redacted(item.url)) or item.url.endswith("/" + name.lstrip("/"))
