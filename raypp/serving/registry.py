"""Streams that are open on one gateway: so many a site, and each camera once."""

from dataclasses import dataclass, field

from raypp.serving.refusal import RefusedError, Status


@dataclass(eq=False)
class Place:
    """The place of one connection among the open streams.

    Attributes:
        site, camera: whose stream it is.
        taken_over: whether a later connection has the stream now.
    """

    site: str
    camera: str
    taken_over: bool = False


@dataclass
class Registry:
    """Open streams of one gateway; used from one thread.

    Attributes:
        most: streams that one site may have open.
    """

    most: int
    _sites: dict[str, dict[str, Place]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._sites.values()))

    @property
    def sites(self) -> int:
        """How many sites have a stream open."""
        return len(self._sites)

    def enter(self, site: str, camera: str) -> Place:
        """Take a place; an earlier connection of the same camera loses its own, since its site has opened anew.

        Raises:
            RefusedError: RESOURCE_EXHAUSTED where the site has as many streams open as it may.
        """
        streams = self._sites.get(site, {})
        earlier = streams.get(camera)
        if earlier is None and len(streams) >= self.most:
            raise RefusedError(
                Status.RESOURCE_EXHAUSTED,
                f"site {site} has {len(streams)} streams open, at most {self.most}; close some",
            )
        if earlier is not None:
            earlier.taken_over = True
        place = Place(site, camera)
        self._sites.setdefault(site, {})[camera] = place
        return place

    def leave(self, place: Place) -> None:
        """Give a place back; does nothing where a later connection has it."""
        streams = self._sites.get(place.site, {})
        if streams.get(place.camera) is place:
            del streams[place.camera]
            if not streams:
                del self._sites[place.site]
